import { ApplicationFailure, Context } from '@temporalio/activity';
import {
  type Client,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { controlQueue } from '../model/queues.ts';
import { inTurn } from './in-turn.ts';
import { withTold } from './told.ts';

export { fail } from './fail.ts';

export type RecordKind = 'instance' | 'host' | 'image' | 'network';

/** The connection of the worker that runs this activity. */
export function client(): Client {
  return Context.current().client;
}

/**
 * Sends an update to a record and returns its answer. A refusal is raised as the failure that it is; no such record, or one
 * that is over, as `absent`.
 */
export async function update<Answer>(
  workflowId: string,
  name: string,
  message: object,
  absent: ApplicationFailure,
  by: Client = client(),
): Promise<Answer> {
  const record = by.workflow.getHandle(workflowId);
  try {
    return await inTurn(workflowId, () => record.executeUpdate<Answer, [object]>(name, { args: [withTold(workflowId, name, message)] }));
  } catch (error) {
    throw refusalOf(error, absent);
  }
}

/** Sends an update to a record that it makes if there is none. A record that is over is `taken`. */
export async function updateWithStart<Answer>(
  kind: RecordKind,
  id: string,
  name: string,
  message: object,
  taken: ApplicationFailure,
): Promise<Answer> {
  return startAndUpdate<Answer>(client(), kind, id, name, withTold(`${kind}/${id}`, name, message)).catch((error: unknown) => {
    throw refusalOf(error, taken);
  });
}

/** The same for code that runs in no activity. */
export function startAndUpdate<Answer>(by: Client, kind: RecordKind, id: string, name: string, message: object): Promise<Answer> {
  const startWorkflowOperation = new WithStartWorkflowOperation(kind, {
    workflowId: `${kind}/${id}`,
    taskQueue: controlQueue,
    args: [],
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
  });
  return by.workflow.executeUpdateWithStart<() => Promise<unknown>, Answer, [object]>(name, { args: [message], startWorkflowOperation });
}

/** The record, or null when there is none. A record that continues as new cannot answer for a moment: the activity's retry asks again. */
export async function queryRecord<Record>(kind: RecordKind, id: string, by: Client = client()): Promise<Record | null> {
  return queryOf<Record>(`${kind}/${id}`, 'record', by);
}

/** What a record answers to a query, or null when there is no such record. */
export async function queryOf<Answer>(workflowId: string, query: string, by: Client): Promise<Answer | null> {
  try {
    return await by.workflow.getHandle(workflowId).query<Answer | null>(query);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

function refusalOf(error: unknown, otherwise: ApplicationFailure): unknown {
  if (error instanceof WorkflowUpdateFailedError) {
    const { cause } = error;
    // Made anew: the original would carry the record's stack, and its retry policy is the record's.
    return cause instanceof ApplicationFailure
      ? ApplicationFailure.nonRetryable(cause.message, cause.type, ...(cause.details ?? []))
      : error;
  }
  return error instanceof WorkflowNotFoundError || error instanceof WorkflowExecutionAlreadyStartedError ? otherwise : error;
}
