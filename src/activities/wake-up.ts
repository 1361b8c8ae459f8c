import { setTimeout } from 'node:timers/promises';

/** A pause that an event ends. */
export interface WakeUp {
  readonly now: () => void;
  /** Resolves after `afterMs`, when told to, or when `stop` is aborted; at once when it was told to since the last pause. */
  readonly next: (afterMs: number, stop: AbortSignal) => Promise<void>;
}

export function wakeUp(): WakeUp {
  let wake = new AbortController();
  return {
    now: () => wake.abort(),
    next: async (afterMs, stop) => {
      await setTimeout(afterMs, undefined, { signal: AbortSignal.any([wake.signal, stop]) }).catch(() => {});
      wake = new AbortController();
    },
  };
}
