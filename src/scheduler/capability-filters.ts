import { whyNoCpus } from '../model/cpus/given-cpus.ts';
import { vcpusOf } from '../model/host.ts';
import type { PlacementRequest } from '../model/placement-request.ts';
import type { Candidate } from './candidate.ts';
import { capabilityOf, isCapability } from './capabilities.ts';
import { type Capability, matches } from './extra-specs-ops.ts';
import type { Check, Filter } from './filter.ts';
import { satisfies } from './versions.ts';

const scope = 'capabilities:';

/** Nova's ComputeCapabilitiesFilter: the flavor's extra specs `capabilities:…`, and those without a scope that are a capability's name. */
export const computeCapabilities: Filter = {
  name: 'computeCapabilities',
  checkFor: ({ extraSpecs = {} }) => {
    const wanted = Object.entries(extraSpecs).flatMap(([key, value]) => {
      if (key.startsWith(scope)) return [{ name: key.slice(scope.length), value }];
      return !key.includes(':') && isCapability(key) ? [{ name: key, value }] : [];
    });
    return wanted.length === 0 ? null : firstOf(wanted.map(({ name, value }) => ifCapabilityIsNot(name, value)));
  },
};

function ifCapabilityIsNot(name: string, wanted: string): Check {
  return (candidate) => {
    const capability = capabilityOf(candidate, name);
    if (capability === undefined) return `${candidate.host} has no capability ${name}`;
    if (matches(capability, wanted)) return null;
    return `${candidate.host} has ${name} ${shown(capability)}, ${wanted} is wanted`;
  };
}

/** A processor has a hundred features: a reason names the first. */
function shown(capability: Capability): string {
  if (typeof capability !== 'object') return String(capability);
  return capability.length > 5 ? `${capability.slice(0, 5).join(' ')}… (${capability.length})` : capability.join(' ');
}

/** Nova's ImagePropertiesFilter: what an image says of the machine it runs on. */
export const imageProperties: Filter = {
  name: 'imageProperties',
  checkFor: ({ image }) => {
    const wanted = image?.properties ?? {};
    const checks = imageChecks.flatMap(([property, ifUnfit]) => {
      const value = wanted[property];
      return value === undefined ? [] : [ifUnfit(value)];
    });
    return checks.length === 0 ? null : firstOf(checks);
  },
};

const architectures: ReadonlyMap<string, string> = new Map([
  ['amd64', 'x86_64'],
  ['x64', 'x86_64'],
  ['i386', 'i686'],
  ['arm64', 'aarch64'],
]);

const imageChecks: readonly (readonly [string, (wanted: string) => Check])[] = [
  [
    'hw_architecture',
    (wanted) =>
      ({ host, architecture }) =>
        (architectures.get(wanted.toLowerCase()) ?? wanted) === architecture
          ? null
          : `${host} is ${architecture}, the image is for ${wanted}`,
  ],
  [
    'img_hv_type',
    (wanted) => (candidate) =>
      typesOf(candidate).includes(wanted.toLowerCase()) ? null : `${candidate.host} has ${candidate.hypervisor}, the image wants ${wanted}`,
  ],
  [
    'hw_vm_mode',
    (wanted) =>
      ({ host }) =>
        wanted.toLowerCase() === 'hvm' ? null : `${host} runs guests in mode hvm, the image wants ${wanted}`,
  ],
  [
    'img_hv_requested_version',
    (wanted) =>
      ({ host, hypervisor, hypervisorVersion }) =>
        satisfies(hypervisorVersion, wanted) ? null : `${host} has ${hypervisor} ${hypervisorVersion}, the image wants ${wanted}`,
  ],
];

/** A machine with KVM emulates too. */
function typesOf({ hypervisor }: Candidate): readonly string[] {
  return hypervisor === 'kvm' ? ['kvm', 'qemu'] : ['qemu'];
}

/** The check that says what the first of several says that refuses. */
function firstOf(checks: readonly Check[]): Check {
  return (candidate) => {
    for (const check of checks) {
      const reason = check(candidate);
      if (reason !== null) return reason;
    }
    return null;
  };
}

/**
 * Nova's NUMATopologyFilter by what the host has: as many cells as `hw:numa_nodes`, each with room for its part of the guest, and free CPUs
 * on such cores as the thread policy of a guest wants that has them for itself.
 */
export const numaTopology: Filter = {
  name: 'numaTopology',
  checkFor: (request) => {
    const checks = [ifCellsTooFew(request), ifThreadsDoNotFit(request)].filter((check) => check !== null);
    return checks.length === 0 ? null : firstOf(checks);
  },
};

function ifThreadsDoNotFit(request: PlacementRequest): Check | null {
  const { alone } = vcpusOf(request);
  if (alone === null) return null;
  return ({ host, dedicatedCpus, freeCores }) => whyNoCpus(host, dedicatedCpus, freeCores, alone);
}

function ifCellsTooFew({ extraSpecs, vcpus, memoryMiB }: PlacementRequest): Check | null {
  const text = extraSpecs?.['hw:numa_nodes'];
  if (text === undefined) return null;
  const nodes = Number(text);
  if (!Number.isInteger(nodes) || nodes < 1) return ({ host }) => `${host} cannot have ${text} NUMA nodes`;
  const part = { memoryMiB: Math.ceil(memoryMiB / nodes), cpus: Math.ceil(vcpus / nodes) };
  return ({ host, numa }) => {
    const large = numa.filter((cell) => cell.memoryMiB >= part.memoryMiB && cell.cpus >= part.cpus).length;
    return large >= nodes ? null : `${host} has ${large} NUMA cells of ${part.cpus} CPUs and ${part.memoryMiB} MiB, ${nodes} wanted`;
  };
}
