import type { Config } from '../config.ts';
import type { Libvirt } from '../libvirt/index.ts';
import type { HostReport, Inventory } from '../model/host.ts';
import type { Capabilities } from './capabilities.ts';
import type { CpuMetrics } from './cpu-monitor.ts';
import { capacityBytesOf } from './disks/capacity.ts';
import type { AskGuestCpus } from './guest-cpus.ts';
import { pciDevicesOf } from './pci-devices.ts';

/** Reads what this host has (Nova's `get_available_resource`); a configured capacity overrides it. */
export async function inventoryOf(
  libvirt: Libvirt,
  capabilities: Capabilities,
  askGuestCpus: AskGuestCpus,
  config: Config,
): Promise<Inventory> {
  const [node, memoryKiB, described, diskBytes, pciDevices, guestCpus] = await Promise.all([
    libvirt.nodeGetInfo({}),
    memoryKiBOf(libvirt),
    capabilities.describe(),
    capacityBytesOf(config),
    pciDevicesOf(config.host.pciDevices),
    askGuestCpus(),
  ]);
  const { vcpus, memoryMiB, diskGiB } = config.host.capacity;
  return {
    ...described,
    vcpus: vcpus ?? guestCpus?.shared.length ?? node.cpus,
    memoryMiB: memoryMiB ?? Number(memoryKiB / 1024n),
    diskGiB: diskGiB ?? Math.floor(diskBytes / 1024 ** 3),
    pciDevices,
    ...(guestCpus === null ? {} : { guestCpus }),
  };
}

/** The report of a host whose libvirt answers, or of one whose libvirt does not: then with what was known before. */
export function reportOf({ host }: Config, inventory: Inventory, metrics: CpuMetrics, unusable: string | null): HostReport {
  const { address, availabilityZone, reserved, ratios } = host;
  return { address, availabilityZone, reserved, ratios, inventory, metrics, unusable };
}

/** `VIR_NODE_MEMORY_STATS_ALL_CELLS` */
const allCells = -1;

/** The memory that the kernel has. `nodeGetInfo` counts that of NUMA cells and finds half of it on some machines. */
async function memoryKiBOf(libvirt: Libvirt): Promise<bigint> {
  const { count } = await libvirt.nodeGetMemoryStats({ maxParams: 0, cell: allCells });
  const { params } = await libvirt.nodeGetMemoryStats({ maxParams: count, cell: allCells }); // no other number is taken
  return params.find(({ field }) => field === 'total')?.value ?? 0n;
}
