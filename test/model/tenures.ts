import type { Holder, Run, Tenure } from '../../src/model/tenure.ts';

/** The first run of an operation, or one that a Reset made from it. */
export function runOf(operation: string, reset = 0): Run {
  const firstRunId = `${operation}-run`;
  return { workflowId: `${operation}/1`, runId: reset === 0 ? firstRunId : `${firstRunId}-reset-${reset}`, firstRunId };
}

/** A holder that was never reset and undoes nothing, but for the changes. */
export function holderOf(run: Run, changes: Partial<Holder> = {}): Holder {
  return { ...run, type: 'buildInstance', part: 1, userId: 'user', step: 'accept', since: at(0), undoing: false, replaced: [], ...changes };
}

/** A record's tenure under generation 1, but for the changes. */
export function tenureOf(changes: Partial<Tenure> = {}): Tenure {
  return { holder: null, generation: 1, ended: [], ...changes };
}

/** A moment, by the seconds since the test's beginning. */
export function at(second: number): string {
  return `2026-11-20T10:00:${String(second).padStart(2, '0')}.000Z`;
}
