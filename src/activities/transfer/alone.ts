import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../lock.ts';
import { namesIn } from '../names-in.ts';
import { kill, processesWithOpen } from '../processes.ts';
import { inheritedDescriptors } from '../run.ts';
import { dropIfEmpty } from './places.ts';

/**
 * Runs `work` as the only one that sends this disk from here: an earlier attempt that still does, since its worker died, is ended. The
 * instance's lock is not passed on to what `work` starts, so that nobody waits for it who wants to end it.
 */
export async function aloneSending<T>(transfers: string, name: string, work: () => Promise<T>): Promise<T> {
  await mkdir(transfers, { recursive: true, mode: 0o700 });
  const lock = sendingLock(transfers, name);
  const isSuperseded = async () => true;
  const locked = async () => {
    try {
      return await work();
    } finally {
      for (const started of await processesWithOpen(lock)) await kill(started); // of a pipe only its first command hears of a cancel
      await rm(lock, { force: true });
    }
  };
  try {
    return await inheritedDescriptors.run([], () => withLock(lock, locked, isSuperseded));
  } finally {
    await dropIfEmpty(transfers);
  }
}

/** Ends whatever sends something of an instance from here. */
export async function endSending(transfers: string): Promise<void> {
  const names = (await namesIn(transfers)).flatMap((name) => /^(.+)\.sending$/.exec(name)?.[1] ?? []);
  for (const name of names) await aloneSending(transfers, name, async () => {});
}

function sendingLock(transfers: string, name: string): string {
  return join(transfers, `${name}.sending`);
}
