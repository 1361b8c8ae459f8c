import { setTimeout as pause } from 'node:timers/promises';

/** How long to wait for a state, and how to call it in the error. */
export interface Patience {
  readonly what: string;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** How many times longer all is waited for: a machine whose processor is emulated takes that much longer for everything. */
const slowness = Number(process.env['NOVAFLOW_LAB_SLOWNESS'] ?? 1);

/** Returns the first value of `look` that is not null; raises `<what> did not come within …` after the time-out. */
export async function until<T>(look: () => Promise<T | null> | T | null, patience: Patience): Promise<T> {
  const timeoutMs = patience.timeoutMs * slowness;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    patience.signal?.throwIfAborted();
    const seen = await look();
    if (seen !== null) return seen;
    if (performance.now() > deadline) throw new Error(`${patience.what} did not come within ${timeoutMs} ms`);
    await pause(patience.intervalMs ?? 10);
  }
}
