import { ApplicationFailure, condition, defineUpdate, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { Decision, Parked } from '../model/operation.ts';
import { searchAttributes as attribute } from '../model/search-attributes.ts';

const retryUpdate = defineUpdate<void, [Decision]>('retry');
const rollbackUpdate = defineUpdate<void, [Decision]>('rollback');

export type Verdict = 'retry' | 'rollback';

export interface Parking {
  readonly parked: () => Parked | null;
  /** Waits for an operator's decision on a step that failed. `isUndo`: only `retry` makes sense. */
  readonly wait: (spot: Omit<Parked, 'number' | 'mayChange'>, isUndo: boolean) => Promise<Verdict>;
}

/** Registers the updates with which an operator decides on a step that is out of retries. Called first in a run. */
export function parking(): Parking {
  let parked: Parked | null = null;
  let undoing = false;
  let verdict: Verdict | null = null;
  let parks = 0;

  const check = (wanted: Verdict) => (decision: Decision | undefined) => {
    const problem = refusal(wanted, decision, parked, undoing);
    if (problem !== null) throw problem;
  };
  const decide = (made: Verdict) => () => {
    verdict = made;
    parked = null;
  };
  setHandler(retryUpdate, decide('retry'), { validator: check('retry') });
  setHandler(rollbackUpdate, decide('rollback'), { validator: check('rollback') });

  return {
    parked: () => parked,
    wait: async (spot, isUndo) => {
      parks += 1;
      parked = { ...spot, number: parks, mayChange: [] };
      undoing = isUndo;
      verdict = null;
      upsertSearchAttributes([{ key: attribute.attention, value: spot.attention }]);
      try {
        await condition(() => verdict !== null);
        return verdict ?? 'retry';
      } finally {
        parked = null;
        upsertSearchAttributes([{ key: attribute.attention, value: null }]);
      }
    },
  };
}

function refusal(wanted: Verdict, decision: Decision | undefined, parked: Parked | null, isUndo: boolean): ApplicationFailure | null {
  const refuse = (message: string) => ApplicationFailure.nonRetryable(message, 'NotParked');
  if (parked === null) return refuse('nothing is parked: the operation goes on by itself');
  const problem = invalidDecision(decision);
  if (problem !== null) return ApplicationFailure.nonRetryable(problem.message, 'InvalidRequest', { fields: [problem] });
  if (decision?.park !== undefined && decision.park !== parked.number) {
    return refuse(`park ${decision.park} is over: the operation is parked for the ${parked.number}. time, at ${parked.step}`);
  }
  if (wanted === 'rollback' && isUndo) return refuse('the operation is rolling back already: mend the cause, then send retry');
  return null;
}

/** By hand: a schema library's answers change between releases, and a validator is replayed. */
function invalidDecision(decision: unknown): { field: string; message: string } | null {
  if (typeof decision !== 'object' || decision === null || Array.isArray(decision)) {
    return { field: 'request', message: 'must be an object such as {"reason": "the disk was full"}' };
  }
  const unknown = Object.keys(decision).find((key) => !['reason', 'park', 'input'].includes(key));
  if (unknown !== undefined) return { field: unknown, message: 'is not a field of this update' };
  const { reason, park, input } = decision as { reason?: unknown; park?: unknown; input?: unknown };
  if (typeof reason !== 'string' || reason.length < 1 || reason.length > 500)
    return { field: 'reason', message: 'must be 1 to 500 characters' };
  if (park !== undefined && !Number.isInteger(park)) return { field: 'park', message: 'must be a whole number' };
  if (input !== undefined && JSON.stringify(input) !== '{}') return { field: 'input', message: 'nothing may be changed at this step' };
  return null;
}
