import { setTimeout } from 'node:timers/promises';
import { tryLock } from 'fs-native-extensions';

/** Alone, or beside others that share the lock. */
export type LockMode = 'exclusive' | 'shared';

/** A lock is looked at this often; there is no order among those who wait. */
const pollMs = 20;

/**
 * Locks the open file `descriptor`, which must be open for writing, for this process and what inherits it; false when another
 * holds it for `seconds`. It is a lock of the open file description (`F_OFD_SETLK` of fcntl(2)): it ends when the last process
 * that has the description closes it. Each step on a host takes one, and a call takes no time where the `flock` command
 * takes a fork of the whole worker. Rejects when `signal` ends the wait.
 */
export async function lockOpenFile(
  descriptor: number,
  mode: LockMode,
  seconds: number,
  signal: AbortSignal | null = null,
): Promise<boolean> {
  const deadline = performance.now() + seconds * 1000;
  while (!tryLock(descriptor, { shared: mode === 'shared' })) {
    if (performance.now() >= deadline) return false;
    await setTimeout(pollMs);
    signal?.throwIfAborted(); // with its reason: a cancel ends as the cancel that it is
  }
  return true;
}
