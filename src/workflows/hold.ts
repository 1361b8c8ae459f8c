import { ApplicationFailure, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Entering, RecordActivities } from '../activities/records.ts';
import type { OperationEnd, OperationFailure, StepSummary, Token } from '../model/tenure.ts';
import { onControl } from './activities.ts';

/** Which record an operation holds. */
export interface RecordRef {
  readonly kind: 'instance' | 'image';
  readonly id: string;
  readonly projectId: string;
}

type Said = Pick<Entering, 'undoing' | 'supersedes' | 'changes' | 'touches'>;

/** An operation's hold on its record: what `accept` took, with the token that every step carries. */
export interface Hold {
  readonly record: () => RecordRef | null;
  readonly token: () => Token | null;
  readonly taken: (record: RecordRef, token: Token) => void;
  readonly enter: (step: string, message: Said) => Promise<void>;
  /** The token of the next step. */
  readonly nextToken: () => Token | null;
  /** Whether the record takes from a step what it is told. */
  readonly isToldBySteps: () => boolean;
  /** What the next step is to tell the record. */
  readonly entering: (step: string, message: Said) => Entering;
  readonly finish: (
    end: OperationEnd,
    message: { steps: readonly StepSummary[]; changes: object; touches?: readonly string[]; failure: OperationFailure | null },
  ) => Promise<unknown>;
}

/** Talks to the record by ordinary control activities: ordered, visible, and they fence. */
export function hold(part = 1): Hold {
  let record: RecordRef | null = null;
  let token: Token | null = null;
  let count = 0;
  const next = () => {
    count += 1;
    return count;
  };
  const { enter, finish } = proxyActivities<RecordActivities>(onControl.options);
  const held = () => {
    if (record === null) throw ApplicationFailure.nonRetryable('the operation holds no record');
    return { record, firstRunId: workflowInfo().firstExecutionRunId, part };
  };
  const entering = (step: string, message: Said): Entering => ({ ...held(), step, ...message, order: next() });
  return {
    record: () => record,
    token: () => token,
    taken: (newRecord, newToken) => {
      record = newRecord;
      token = newToken;
    },
    enter: async (step, message) => {
      token = await enter(entering(step, message));
    },
    // A step that is tried again after it failed is another: what still lives of the one before is late.
    nextToken: () => (token === null ? null : { ...token, step: next() }),
    isToldBySteps: () => token?.knowsOrder === true,
    entering,
    finish: (end, message) => finish({ ...held(), end, ...message }),
  };
}
