import { wakeUp } from './wake-up.ts';

/** What is to be looked at, and when: single things by id, and now and then everything. */
export interface Agenda {
  /** What is there already stays, and is due as early as either says: an event need not wait for what was put off. */
  readonly add: (id: string, afterMs: number) => void;
  readonly addAll: (afterMs: number) => void;
  /** What is due now, off the agenda: ids, or all, which has every id in it. Null: nothing is. */
  readonly take: () => readonly string[] | 'all' | null;
  /** Resolves when something is due, or `stop` is aborted. */
  readonly whenDue: (stop: AbortSignal) => Promise<void>;
}

export function agenda(): Agenda {
  const wake = wakeUp();
  const dueAt = new Map<string, number>();
  let allDueAt = Number.POSITIVE_INFINITY;
  return {
    add: (id, afterMs) => {
      dueAt.set(id, Math.min(dueAt.get(id) ?? Number.POSITIVE_INFINITY, performance.now() + afterMs));
      wake.now();
    },
    addAll: (afterMs) => {
      allDueAt = performance.now() + afterMs;
      wake.now();
    },
    take: () => {
      const now = performance.now();
      if (allDueAt <= now) {
        allDueAt = Number.POSITIVE_INFINITY;
        dueAt.clear();
        return 'all';
      }
      const ids = [...dueAt].flatMap(([id, at]) => (at <= now ? [id] : []));
      for (const id of ids) dueAt.delete(id);
      return ids.length === 0 ? null : ids;
    },
    whenDue: (stop) => wake.next(Math.max(0, Math.min(maxWaitMs, allDueAt, ...dueAt.values()) - performance.now()), stop),
  };
}

/** Timers take 31 bits. */
const maxWaitMs = 2 ** 31 - 1;
