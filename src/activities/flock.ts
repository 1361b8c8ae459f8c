import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Alone, or beside others that share the lock. */
export type LockMode = 'exclusive' | 'shared';

/**
 * Locks the open file `descriptor` for this process and what inherits it; false when another holds it for `seconds`. Node has no
 * flock: the command locks the open file that it inherits, which is ours. Each step on a host does this, so it is a plain
 * spawn: execa's comfort takes longer than the lock. Rejects when `signal` ends the wait.
 */
export async function flock(descriptor: number, mode: LockMode, seconds: number, signal: AbortSignal | null = null): Promise<boolean> {
  const command = spawn('flock', [`--${mode}`, '-w', String(seconds), '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
    ...(signal === null ? {} : { signal }),
  });
  const [code] = await once(command, 'close').catch((error: unknown) => {
    signal?.throwIfAborted(); // with its reason: a cancel ends as the cancel that it is
    throw error;
  });
  // Ended by a signal it locked nothing: an attempt that took this one's place killed it.
  if (code === 0 || code === 1 || code === null) return code === 0;
  throw new Error(`flock failed with exit code ${code}`);
}
