import { freeCores, type GivenCpus, type WantedCpus, whyNoCpus } from './cpus/given-cpus.ts';
import { cpusOf, type DedicatedCore, type GuestCpus } from './cpus/guest-cpus.ts';
import type { PinnedCpus } from './cpus/placement.ts';
import type { DedicatedCpus } from './cpus/policy.ts';
import type { Resources } from './flavor.ts';

/** What a compute host has, as its worker reports it (Nova's `get_available_resource`). */
export interface Inventory extends Resources {
  readonly architecture: string;
  readonly cpuModel: string;
  readonly cpuFeatures: readonly string[];
  readonly hypervisor: 'qemu' | 'kvm';
  readonly hypervisorVersion: string;
  readonly libvirtVersion: string;
  readonly numa: readonly { readonly cell: number; readonly memoryMiB: number; readonly cpus: readonly number[] }[];
  readonly pciDevices: readonly string[];
  /** Absent where nothing is said of them: all guests float over all CPUs. */
  readonly guestCpus?: GuestCpus;
}

/** What an instance does that keeps its host's disks busy (Nova's `io_workload`). */
export type IoTask = 'building';

/** Resources that one instance holds on a host. */
export interface Claim extends Resources {
  readonly id: string;
  readonly instanceId: string;
  readonly projectId?: string;
  /** Absent at rest. */
  readonly ioTask?: IoTask;
  /** Those of its image, where the scheduler compares them. */
  readonly imageProperties?: Readonly<Record<string, string>>;
  /** The CPUs that its vCPUs have for themselves; absent where they share them. */
  readonly cpus?: GivenCpus;
}

/** Nova's `*_allocation_ratio`. */
export interface Ratios {
  readonly vcpus: number;
  readonly memory: number;
  readonly disk: number;
}

/** What a host that was away when it was to be done does when it is back. */
export interface Debt {
  readonly instanceId: string;
  readonly what: string;
  readonly since: string;
}

/** The record of a compute host. Public API. */
export interface Host {
  readonly name: string;
  readonly state: 'up' | 'down';
  readonly stateSince: string;
  readonly downReason: string | null;
  readonly enabled: boolean;
  readonly disabledReason: string | null;
  readonly availabilityZone: string | null;
  readonly address: string;
  readonly debts: readonly Debt[];
  readonly inventory: Inventory;
  readonly reserved: Resources;
  readonly ratios: Ratios;
  readonly claims: readonly Claim[];
  readonly used: Resources;
  readonly free: Resources;
  /** Builds that failed here since the last that did not. */
  readonly failedBuilds: number;
  /** What its monitors measured last, by Nova's names: `cpu.percent`. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly reportedAt: string;
}

/** What a compute worker sends at its start and on change. */
export interface HostReport {
  readonly address: string;
  readonly availabilityZone: string | null;
  readonly inventory: Inventory;
  readonly reserved: Resources;
  readonly ratios: Ratios;
  readonly metrics?: Readonly<Record<string, number>>;
  /** Why the hypervisor cannot be used, or null. */
  readonly unusable: string | null;
}

const resourceNames = ['vcpus', 'memoryMiB', 'diskGiB'] as const;

/** What the claims hold together; vCPUs that have CPUs for themselves are not among those that share them. */
export function usedBy(claims: readonly (Resources & Pick<Claim, 'cpus'>)[]): Resources {
  const sum = (name: (typeof resourceNames)[number]) => claims.reduce((total, claim) => total + claim[name], 0);
  const pinned = claims.reduce((total, { cpus }) => total + (cpus?.pinned.length ?? 0), 0);
  return { vcpus: sum('vcpus') - pinned, memoryMiB: sum('memoryMiB'), diskGiB: sum('diskGiB') };
}

/** How many CPUs of a host are for guests that have theirs alone, and the cores with those of them that nobody has. */
export function dedicatedCpusOf({ inventory: { guestCpus }, claims }: Pick<Host, 'inventory' | 'claims'>): {
  readonly total: number;
  readonly free: readonly DedicatedCore[];
} {
  const { dedicated } = guestCpus ?? { dedicated: [] };
  return {
    total: cpusOf(dedicated).length,
    free: freeCores(
      { dedicated },
      claims.flatMap(({ cpus }) => cpus ?? []),
    ),
  };
}

/** What may be claimed in all: inventory less reserved, times the allocation ratio (placement's capacity). */
export function capacityOf({ inventory, reserved, ratios }: Pick<Host, 'inventory' | 'reserved' | 'ratios'>): Resources {
  return {
    vcpus: Math.floor((inventory.vcpus - reserved.vcpus) * ratios.vcpus),
    memoryMiB: Math.floor((inventory.memoryMiB - reserved.memoryMiB) * ratios.memory),
    diskGiB: Math.floor((inventory.diskGiB - reserved.diskGiB) * ratios.disk),
  };
}

/** What is left to claim; negative when an operator lowered a ratio below what is taken. */
export function freeOf(capacity: Resources, used: Resources): Resources {
  return {
    vcpus: capacity.vcpus - used.vcpus,
    memoryMiB: capacity.memoryMiB - used.memoryMiB,
    diskGiB: capacity.diskGiB - used.diskGiB,
  };
}

/** Why a host has not what is wanted of it, as a sentence, or null. */
export function whyNoRoom(host: Pick<Host, 'name' | 'free' | 'inventory' | 'claims'>, wanted: Wanted): string | null {
  const { shared, alone } = vcpusOf(wanted);
  // Others may share the CPUs that are shared as often as they like: it wants none of them.
  const free = shared === 0 ? { ...host.free, vcpus: 0 } : host.free;
  const short = shortage(host.name, free, { ...wanted, vcpus: shared });
  if (short !== null || alone === null) return short;
  const dedicated = dedicatedCpusOf(host);
  return whyNoCpus(host.name, dedicated.total, dedicated.free, alone);
}

/** How many of the vCPUs that are wanted share CPUs, and which have their own; null: none has. */
export function vcpusOf({ vcpus, dedicatedCpus }: Pick<Wanted, 'vcpus' | 'dedicatedCpus'>): {
  readonly shared: number;
  readonly alone: WantedCpus | null;
} {
  if (dedicatedCpus === undefined) return { shared: vcpus, alone: null };
  const { threadPolicy, only } = dedicatedCpus;
  const count = only?.length ?? vcpus;
  return { shared: vcpus - count, alone: { vcpus: count, threadPolicy } };
}

/** Where each of the vCPUs that are wanted runs, with these CPUs for themselves. */
export function pinnedCpusOf({ vcpus, dedicatedCpus }: Wanted, { pinned }: GivenCpus): PinnedCpus {
  const { only = pinned.keys().toArray() } = dedicatedCpus ?? {};
  return Array.from({ length: vcpus }, (_, vcpu) => pinned[only.indexOf(vcpu)] ?? null);
}

/** What an instance wants of a host. */
export interface Wanted extends Resources {
  /** Absent: its vCPUs share CPUs. */
  readonly dedicatedCpus?: DedicatedCpus;
}

/** Why `wanted` does not fit into `free`, as a sentence, or null. */
export function shortage(host: string, free: Resources, wanted: Resources): string | null {
  const units = { vcpus: 'vCPUs', memoryMiB: 'MiB memory', diskGiB: 'GiB disk' } as const;
  const short = resourceNames.filter((name) => free[name] < wanted[name]);
  if (short.length === 0) return null;
  return `${host} has ${short.map((name) => `${free[name]} ${units[name]} free, ${wanted[name]} wanted`).join('; ')}`;
}
