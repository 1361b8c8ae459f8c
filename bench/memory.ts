import { readFileSync } from 'node:fs';
import { allProcesses } from '../lab/proc.ts';
import type { BenchCloud } from './bring-up.ts';
import type { Contest } from './contest.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import { proveAlive } from './guests.ts';
import type { Say } from './say.ts';

/** The most memory that a process and all its descendants had together, in MB (10^6 bytes). */
interface PeakMemory {
  /** Each page shared by several processes counted in parts: what the machine would have back without this tree. */
  readonly pssMB: number;
  /** Each page counted for every process that has it. */
  readonly rssMB: number;
}

const everyMs = 100;

/** The most memory of each worker's processes while 20 builds that were asked for at once run. */
export async function workerMemory({ ours }: Contest, { workers }: BenchCloud, say: Say): Promise<Figure[]> {
  const stop = watchMemory(new Map([['control', workers.control], ...workers.compute]));
  let peaks: ReadonlyMap<string, PeakMemory> = new Map();
  const voidBecause = await reasonToVoid(async () => {
    const guests = await Promise.all(Array.from({ length: 20 }, () => ours.build())).finally(() => {
      peaks = stop();
    });
    say('20 builds: all active');
    await Promise.all(guests.map(proveAlive));
    await Promise.all(guests.map((guest) => ours.remove(guest)));
  });
  const figure = (name: string, mostMB: number, of: readonly string[]): Figure => {
    const trees = of.map((worker) => peaks.get(worker)).filter((peak) => peak !== undefined);
    return {
      name: `${name}, 20 builds, PSS`,
      unit: 'MB',
      ours: [Math.max(...trees.map(({ pssMB }) => pssMB))],
      beside: { what: 'as RSS', samples: [Math.max(...trees.map(({ rssMB }) => rssMB))] },
      limit: { text: `${mostMB} MB`, of: () => mostMB },
      voidBecause,
    };
  };
  return [figure('compute worker', 200, [...workers.compute.keys()]), figure('control worker', 350, ['control'])];
}

/** Looks at the memory of the trees below `roots`, by name, ten times a second until the returned function is called. */
export function watchMemory(roots: ReadonlyMap<string, number>): () => ReadonlyMap<string, PeakMemory> {
  const peaks = new Map<string, PeakMemory>();
  const look = () => {
    const children = Map.groupBy(allProcesses(), ({ parent }) => parent);
    const treeOf = (pid: number): number[] => [pid, ...(children.get(pid) ?? []).flatMap((child) => treeOf(child.pid))];
    for (const [name, root] of roots) {
      const tree = treeOf(root).map(memoryOf);
      const { pssMB = 0, rssMB = 0 } = peaks.get(name) ?? {};
      peaks.set(name, {
        pssMB: Math.max(pssMB, sum(tree.map((one) => one.pssMB))),
        rssMB: Math.max(rssMB, sum(tree.map((one) => one.rssMB))),
      });
    }
  };
  look();
  const timer = setInterval(look, everyMs);
  return () => {
    clearInterval(timer);
    return peaks;
  };
}

/** A process that ended meanwhile has none. */
function memoryOf(pid: number): PeakMemory {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const megabytes = (field: string) => (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) * 1024) / 1e6;
    return { pssMB: megabytes('Pss'), rssMB: megabytes('Rss') };
  } catch {
    return { pssMB: 0, rssMB: 0 };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
