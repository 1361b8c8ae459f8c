import { readFileSync } from 'node:fs';
import { allProcesses } from '../lab/proc.ts';

/** The most memory that a process and all its descendants had together, in MB (10^6 bytes). */
export interface PeakMemory {
  /** Each page shared by several processes counted in parts: what the machine would have back without this tree. */
  readonly pssMB: number;
  /** Each page counted for every process that has it. */
  readonly rssMB: number;
}

const everyMs = 100;

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
