import { cpusOf, type DedicatedCore, type GuestCpus } from './guest-cpus.ts';
import type { CpuThreadPolicy } from './policy.ts';

/** CPUs that a guest wants for itself. */
export interface WantedCpus {
  /** How many of its vCPUs are to have one. */
  readonly vcpus: number;
  readonly threadPolicy: CpuThreadPolicy;
}

/** CPUs of a host that a guest has for itself. */
export interface GivenCpus {
  /** Those on which its vCPUs run, in the order of these. */
  readonly pinned: readonly number[];
  /** Threads beside them that nobody gets as long as it has them. */
  readonly withheld: readonly number[];
}

/** The cores of a host with those of their CPUs that nobody has. */
export function freeCores({ dedicated }: Pick<GuestCpus, 'dedicated'>, given: readonly GivenCpus[]): readonly DedicatedCore[] {
  const taken = new Set(given.flatMap(({ pinned, withheld }) => [...pinned, ...withheld]));
  return dedicated.map((core) => ({ ...core, cpus: core.cpus.filter((cpu) => !taken.has(cpu)) })).filter(({ cpus }) => cpus.length > 0);
}

/**
 * The CPUs that a guest gets of those that are free, or null (Nova's `_pack_instance_onto_cores`): of one NUMA cell where one has them, of
 * the fullest that has. A host's record decides by it, and its history is replayed: another rule goes behind `patched`.
 */
export function givenCpus(free: readonly DedicatedCore[], wanted: WantedCpus): GivenCpus | null {
  const cells = [...new Set(free.map(({ cell }) => cell))].map((cell) => free.filter((core) => core.cell === cell));
  const fullestFirst = cells.sort((a, b) => cpusOf(a).length - cpusOf(b).length); // stable: else by their order
  for (const cores of [...fullestFirst, free]) {
    const given = wanted.threadPolicy === 'isolate' ? alone(cores, wanted.vcpus) : together(cores, wanted);
    if (given !== null) return given;
  }
  return null;
}

/** Why a guest gets none of those that are free, as a sentence, or null. */
export function whyNoCpus(host: string, total: number, free: readonly DedicatedCore[], wanted: WantedCpus): string | null {
  if (givenCpus(free, wanted) !== null) return null;
  const { vcpus, threadPolicy } = wanted;
  const count = cpusOf(free).length;
  if (count < vcpus) return `${host} has ${count} of ${total} dedicated CPUs free, ${vcpus} wanted`;
  const lack = threadPolicy === 'isolate' ? 'on cores that nobody uses' : 'on cores of several threads';
  return `${host} has ${count} of ${total} dedicated CPUs free, but not ${vcpus} ${lack} (cpu_thread_policy ${threadPolicy})`;
}

/** One thread of each core, of which nobody gets the others. */
function alone(cores: readonly DedicatedCore[], vcpus: number): GivenCpus | null {
  const whole = cores.filter(({ cpus, threads }) => cpus.length === threads);
  if (whole.length < vcpus) return null;
  const used = whole.slice(0, vcpus);
  return { pinned: used.flatMap(({ cpus }) => cpus.slice(0, 1)), withheld: used.flatMap(({ cpus }) => cpus.slice(1)) };
}

/** As many threads of each core as can be had; `prefer` takes single ones, and at last whatever is left. */
function together(cores: readonly DedicatedCore[], { vcpus, threadPolicy }: WantedCpus): GivenCpus | null {
  const most = Math.max(0, ...cores.map(({ cpus }) => cpus.length));
  for (let threads = most; threads >= (threadPolicy === 'require' ? 2 : 1); threads -= 1) {
    const fit = cores.filter(({ cpus }) => cpus.length >= threads).flatMap(({ cpus }) => cpus.slice(0, threads));
    if (fit.length >= vcpus) return { pinned: fit.slice(0, vcpus), withheld: [] };
  }
  const all = cpusOf(cores);
  return threadPolicy === 'require' || all.length < vcpus ? null : { pinned: all.slice(0, vcpus), withheld: [] };
}
