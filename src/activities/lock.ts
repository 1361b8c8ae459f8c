import { open } from 'node:fs/promises';
import { flock, type LockMode } from './flock.ts';
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

async function holding<T>(mode: LockMode, path: string, work: () => Promise<T>, isSuperseded: () => Promise<boolean>): Promise<T> {
  const file = await open(path, 'a+');
  try {
    const outer = inheritedDescriptors.getStore() ?? [];
    const signal = currentSignal();
    return await inheritedDescriptors.run([...outer, file.fd], async () => {
      while (!(await flock(file.fd, mode, waitSeconds, signal))) {
        const frozenOrSuperseded = (await isSuperseded()) ? () => true : ({ isStopped }: ProcessView) => isStopped;
        for (const holder of await processesWithOpen(path)) if (frozenOrSuperseded(holder)) await kill(holder);
      }
      return await work();
    });
  } finally {
    await file.close();
  }
}
