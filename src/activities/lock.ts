import { type FileHandle, open, stat } from 'node:fs/promises';
import { type LockMode, lockOpenFile } from './open-file-lock.ts';
import { kill, type ProcessView, processesWithOpen } from './processes.ts';
import { currentSignal, inheritedDescriptors } from './run.ts';

/** How long one wait for the lock lasts before its holders are looked at again. */
const waitSeconds = 2;

/**
 * Runs `work` while holding the lock file at `path`, which every command it starts holds too: when this worker is killed,
 * its qemu-img keeps the lock until it ends. A holder that is frozen is killed, and so is one that `isSuperseded` says
 * works for nobody any more. Waits as long as the activity may run.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  isSuperseded: () => Promise<boolean> = async () => false,
): Promise<T> {
  return holding('exclusive', path, work, isSuperseded);
}

/** The same beside others that share the lock: nobody holds it alone meanwhile. */
export async function withSharedLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  return holding('shared', path, work, async () => false);
}

/** The same where somebody else's hold is no reason to wait: null when the lock was not free within two seconds. */
export async function withLockIfFree<T>(path: string, work: () => Promise<T>): Promise<T | null> {
  const file = await open(path, 'a+');
  try {
    const isOurs = (await lockOpenFile(file.fd, 'exclusive', waitSeconds, currentSignal())) && (await isStillAt(path, file));
    return isOurs ? await work() : null;
  } finally {
    await file.close();
  }
}

async function holding<T>(mode: LockMode, path: string, work: () => Promise<T>, isSuperseded: () => Promise<boolean>): Promise<T> {
  const file = await open(path, 'a+');
  try {
    const outer = inheritedDescriptors.getStore() ?? [];
    const signal = currentSignal();
    const held = await inheritedDescriptors.run([...outer, file.fd], async () => {
      while (!(await lockOpenFile(file.fd, mode, waitSeconds, signal))) {
        const frozenOrSuperseded = (await isSuperseded()) ? () => true : ({ isStopped }: ProcessView) => isStopped;
        for (const holder of await processesWithOpen(path)) if (frozenOrSuperseded(holder)) await kill(holder);
      }
      return (await isStillAt(path, file)) ? { done: await work() } : null;
    });
    if (held !== null) return held.done;
  } finally {
    await file.close();
  }
  return holding(mode, path, work, isSuperseded);
}

/** Whether the lock that was waited for is still the one of this name: who removes a thing takes its lock file away with it. */
async function isStillAt(path: string, file: FileHandle): Promise<boolean> {
  const [held, named] = await Promise.all([file.stat(), stat(path).catch(() => null)]);
  return held.ino === named?.ino && held.dev === named.dev;
}
