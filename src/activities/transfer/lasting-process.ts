import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { type ProcessView, processOf, signal } from '../processes.ts';

/** How long a process that was told to end may take to write what it has. */
const graceMs = 10_000;
const pollMs = 10;

/**
 * The process that was started with this argument and wrote its pid into the file, or null. A pid alone may be a stranger's by now:
 * the argument, a path of ours, is nobody else's.
 */
export async function lastingProcess(pidFile: string, argument: string): Promise<ProcessView | null> {
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).trim());
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  const found = await processOf(pid);
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return found !== null && command.split('\0').includes(argument) ? found : null;
}

/**
 * Ends a process by `how` and returns when it has gone; one that takes longer than it may, or is frozen, is killed. `SIGKILL` is for those
 * that wait for the first process of a namespace: it is that one which is killed, since the kernel lets it go after all others there, and
 * none of them is left to write anything once whoever waits for it has gone.
 */
export async function endProcess(ending: ProcessView, how: NodeJS.Signals): Promise<void> {
  const first = how === 'SIGKILL' ? await childOf(ending) : null;
  await signal(first ?? ending, how);
  for (const deadline = Date.now() + graceMs; ; await setTimeout(pollMs)) {
    const now = await processOf(ending.pid);
    if (now?.startTicks !== ending.startTicks) return;
    if (now.isStopped || Date.now() > deadline) await signal(ending, 'SIGKILL');
  }
}

async function childOf({ pid }: ProcessView): Promise<ProcessView | null> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return children === '' ? null : processOf(Number.parseInt(children, 10));
}
