import { readdir, readFile, readlink } from 'node:fs/promises';
import { errnoOf } from './failures.ts';

/** A process as the kernel shows it; a pid alone may be another's by now. */
export interface ProcessView {
  readonly pid: number;
  /** Clock ticks since boot at its start. */
  readonly startTicks: number;
  readonly isStopped: boolean;
}

/** The process, or null when there is none of this pid, or what is left of one is not reaped yet. */
export async function processOf(pid: number): Promise<ProcessView | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    return state === 'Z' ? null : { pid, startTicks: Number(fields[19]), isStopped: state === 'T' };
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** All processes but this one that have `path` open. */
export async function processesWithOpen(path: string): Promise<readonly ProcessView[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.filter((pid) => pid !== process.pid).map(async (pid) => ((await hasOpen(pid, path)) ? processOf(pid) : null)),
  );
  return found.filter((one) => one !== null);
}

/** Kills the process unless its pid is another's by now. */
export async function kill(target: ProcessView): Promise<void> {
  await signal(target, 'SIGKILL');
}

/** Sends the process a signal unless it has gone, or its pid is another's by now. */
export async function signal({ pid, startTicks }: ProcessView, name: NodeJS.Signals): Promise<void> {
  const now = await processOf(pid);
  if (now?.startTicks === startTicks) process.kill(pid, name);
}

async function hasOpen(pid: number, path: string): Promise<boolean> {
  try {
    const descriptors = await readdir(`/proc/${pid}/fd`);
    const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    return targets.includes(path);
  } catch (error) {
    if (isGone(error) || errnoOf(error) === 'EACCES') return false;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ESRCH';
}
