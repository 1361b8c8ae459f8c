import type { DedicatedCore, HostCpu } from '../../../src/model/cpus/guest-cpus.ts';

/** Two cells of two cores of two threads each: core n has the threads n and n + 4. */
export const hyperthreaded: readonly HostCpu[] = [0, 1, 2, 3, 4, 5, 6, 7].map((cpu) => ({
  cpu,
  cell: cpu % 4 < 2 ? 0 : 1,
  siblings: [cpu % 4, (cpu % 4) + 4],
}));

/** Four cores of one thread each in one cell. */
export const plain: readonly HostCpu[] = [0, 1, 2, 3].map((cpu) => ({ cpu, cell: 0, siblings: [cpu] }));

/** A core of two threads of which these are for guests that have theirs alone. */
export function core(cell: number, ...cpus: readonly number[]): DedicatedCore {
  return { cell, cpus, threads: 2 };
}

/** A core of one thread. */
export function single(cell: number, cpu: number): DedicatedCore {
  return { cell, cpus: [cpu], threads: 1 };
}
