import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { fail } from '../record-client.ts';

const looksPerSilence = 6;

/**
 * Aborts `until` with `TransferBroken` when nothing came of `isMoving` and the other host took no connection for so long: a
 * connection that was cut says nothing, and the kernel believes in it for a quarter of an hour. Ends with `over`.
 */
export async function watchReach(
  { address, port }: { readonly address: string; readonly port: number },
  { silenceSeconds, isMoving, until, over }: { silenceSeconds: number; isMoving: () => boolean; until: AbortController; over: AbortSignal },
): Promise<void> {
  const lookMs = (silenceSeconds * 1000) / looksPerSilence;
  for (let missed = 0; missed < looksPerSilence; ) {
    await setTimeout(lookMs, undefined, { signal: over }).catch(() => {});
    if (over.aborted) return;
    missed = isMoving() || (await isReached(address, port, lookMs)) ? 0 : missed + 1;
  }
  until.abort(fail('TransferBroken', `${address} could not be reached for ${silenceSeconds} s`));
}

/** Whether somebody takes a connection there, or at least refuses it. */
function isReached(host: string, port: number, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: timeoutMs });
  socket.on('connect', () => resolve(true));
  socket.on('timeout', () => resolve(false));
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  return promise.finally(() => socket.destroy());
}
