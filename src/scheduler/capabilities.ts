import type { Candidate } from './candidate.ts';
import type { Capability } from './extra-specs-ops.ts';
import { versionNumber } from './versions.ts';

/** What extra specs may name of a host (`capabilities:hypervisor_type`), by the names of Nova's `HostState`. */
const capabilities: ReadonlyMap<string, (candidate: Candidate) => Capability | undefined> = new Map<
  string,
  (candidate: Candidate) => Capability | undefined
>([
  ['host', ({ host }) => host],
  ['host_ip', ({ address }) => address],
  ['hypervisor_type', ({ hypervisor }) => hypervisor],
  ['hypervisor_version', ({ hypervisorVersion }) => versionNumber(hypervisorVersion)],
  ['cpu_info:arch', ({ architecture }) => architecture],
  ['cpu_info:model', ({ cpuModel }) => cpuModel],
  ['cpu_info:features', ({ cpuFeatures }) => cpuFeatures],
  ['vcpus_total', ({ capacity }) => capacity.vcpus],
  ['vcpus_used', ({ capacity, free }) => capacity.vcpus - free.vcpus],
  ['total_usable_ram_mb', ({ capacity }) => capacity.memoryMiB],
  ['free_ram_mb', ({ free }) => free.memoryMiB],
  ['total_usable_disk_gb', ({ capacity }) => capacity.diskGiB],
  ['free_disk_mb', ({ free }) => free.diskGiB * 1024],
  ['num_instances', ({ instances }) => instances.length],
  ['num_io_ops', ({ numIoOps }) => numIoOps],
  ['failed_builds', ({ failedBuilds }) => failedBuilds],
]);

const metric = 'metrics:';

/** Whether hosts have a capability of this name. */
export function isCapability(name: string): boolean {
  return capabilities.has(name) || name.startsWith(metric);
}

/** What a host has under this name, or undefined. */
export function capabilityOf(candidate: Candidate, name: string): Capability | undefined {
  if (name.startsWith(metric)) return candidate.metrics[name.slice(metric.length)];
  return capabilities.get(name)?.(candidate);
}
