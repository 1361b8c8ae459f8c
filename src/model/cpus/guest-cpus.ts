import { cpuSetOf } from './cpu-set.ts';

/** A core of which guests may have CPUs for themselves. */
export interface DedicatedCore {
  /** The NUMA cell that it is in. */
  readonly cell: number;
  /** Those of its threads that guests may have for themselves. */
  readonly cpus: readonly number[];
  /** How many of its threads any guest may have. */
  readonly threads: number;
}

/** A host's CPUs by the guests that they are for (Nova's `cpu_dedicated_set`, `cpu_shared_set`). */
export interface GuestCpus {
  readonly dedicated: readonly DedicatedCore[];
  /** Those over which all other guests float. */
  readonly shared: readonly number[];
}

/** A CPU as libvirt describes it. */
export interface HostCpu {
  readonly cpu: number;
  readonly cell: number;
  /** The threads of its core, itself among them. */
  readonly siblings: readonly number[];
}

/** What a host is configured with; null: nothing is said of them. */
export interface CpuSets {
  readonly dedicated: readonly number[] | null;
  readonly shared: readonly number[] | null;
}

/**
 * Which of a host's CPUs are for which guests; null when nothing is said of them. With a dedicated set alone the shared ones are all others.
 * @throws a RangeError that names the CPUs which the host does not have
 */
export function guestCpusOf({ dedicated, shared }: CpuSets, cpus: readonly HostCpu[]): GuestCpus | null {
  if (dedicated === null && shared === null) return null;
  const all = cpus.map(({ cpu }) => cpu);
  requireThere('cpuDedicatedSet', dedicated ?? [], all);
  requireThere('cpuSharedSet', shared ?? [], all);
  const alone = new Set(dedicated ?? []);
  const floating = shared ?? all.filter((cpu) => !alone.has(cpu)).sort((a, b) => a - b);
  return { dedicated: coresOf(alone, new Set(floating), cpus), shared: floating };
}

/** The CPUs of cores. */
export function cpusOf(cores: readonly DedicatedCore[]): readonly number[] {
  return cores.flatMap(({ cpus }) => cpus);
}

function coresOf(alone: ReadonlySet<number>, floating: ReadonlySet<number>, cpus: readonly HostCpu[]): readonly DedicatedCore[] {
  return cpus.flatMap(({ cpu, cell, siblings }) => {
    const threads = siblings.filter((one) => alone.has(one) || floating.has(one));
    const own = threads.filter((one) => alone.has(one)).sort((a, b) => a - b);
    return own[0] === cpu ? [{ cell, cpus: own, threads: threads.length }] : []; // each core once
  });
}

function requireThere(setting: string, wanted: readonly number[], all: readonly number[]): void {
  const missing = wanted.filter((cpu) => !all.includes(cpu));
  if (missing.length > 0) throw new RangeError(`host.${setting} names ${cpuSetOf(missing)}: this host has the CPUs ${cpuSetOf(all)}`);
}
