import { ApplicationFailure, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { RecordActivities } from '../activities/records.ts';
import type { Enter, OperationEnd, OperationFailure, StepSummary, Token } from '../model/tenure.ts';
import { onControl } from './activities.ts';

/** Which record an operation holds. */
export interface RecordRef {
  readonly kind: 'instance' | 'image';
  readonly id: string;
  readonly projectId: string;
}

/** An operation's hold on its record: what `accept` took, with the token that every step carries. */
export interface Hold {
  readonly record: () => RecordRef | null;
  readonly token: () => Token | null;
  readonly taken: (record: RecordRef, token: Token) => void;
  readonly enter: (step: string, message: Pick<Enter<object>, 'undoing' | 'supersedes' | 'changes' | 'touches'>) => Promise<void>;
  readonly finish: (
    end: OperationEnd,
    message: { steps: readonly StepSummary[]; changes: object; touches?: readonly string[]; failure: OperationFailure | null },
  ) => Promise<unknown>;
}

/** Talks to the record by ordinary control activities: ordered, visible, and they fence. */
export function hold(part = 1): Hold {
  let record: RecordRef | null = null;
  let token: Token | null = null;
  const { enter, finish } = proxyActivities<RecordActivities>(onControl.options);
  const held = () => {
    if (record === null) throw ApplicationFailure.nonRetryable('the operation holds no record');
    return { record, firstRunId: workflowInfo().firstExecutionRunId, part };
  };
  return {
    record: () => record,
    token: () => token,
    taken: (newRecord, newToken) => {
      record = newRecord;
      token = newToken;
    },
    enter: async (step, message) => {
      token = await enter({ ...held(), step, ...message });
    },
    finish: (end, message) => finish({ ...held(), end, ...message }),
  };
}
