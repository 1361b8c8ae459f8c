import { setTimeout } from 'node:timers/promises';
import type { Logger } from '@temporalio/worker';

/** Does `work` again and again, `seconds` after it ended, until `stopping` is aborted; 0: never. What goes wrong is said and tried again. */
export async function everySeconds(
  seconds: number,
  stopping: AbortSignal,
  what: string,
  work: () => Promise<void>,
  log: Logger,
): Promise<void> {
  if (seconds === 0) return;
  for (;;) {
    await setTimeout(seconds * 1000, undefined, { signal: stopping, ref: false }).catch(() => {});
    if (stopping.aborted) return;
    await work().catch((error: unknown) => log.warn(`${what} failed`, { error }));
  }
}
