import { type Client, type WorkflowExecutionDescription, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { lastHolderOf } from '../../model/instance.ts';
import { searchAttributes } from '../../model/search-attributes.ts';
import type { OperationReport } from '../cloud.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { endOf } from '../failures.ts';
import { operationNames } from '../operations.ts';
import { idsNamed } from './lists.ts';
import { pendingIn } from './pending.ts';
import { queriedRecord, type View } from './records.ts';
import { operationView } from './runs.ts';

/** An operation that is there, and what Temporal says of it. */
export interface Found {
  readonly handle: WorkflowHandle;
  readonly description: WorkflowExecutionDescription;
}

/** The operation of this id, or the present or last one of the instance of this name. */
export async function foundOperation(client: Client, view: View, idOrName: string): Promise<Found> {
  const found = (await described(client, idOrName)) ?? (await described(client, await lastOperationOf(client, view, idOrName)));
  if (found === null || !isIn(view, found)) throw absent(idOrName);
  const { type } = found.description;
  if (!operationNames.includes(type)) {
    throw new CommandError(exitCodes.refused, `${idOrName} is a workflow of type ${type}, which is no operation of novaflow`);
  }
  return found;
}

/** An operation with its steps, what it waits for, and how it ended. */
export async function reportOf(client: Client, { handle, description }: Found): Promise<OperationReport> {
  const { workflowId, runId, type, status, startTime, closeTime, raw } = description;
  return {
    id: workflowId,
    runId,
    type,
    status: status.name.toLowerCase(),
    startedAt: startTime.toISOString(),
    endedAt: closeTime?.toISOString() ?? null,
    operation: await operationView(client, handle),
    pending: pendingIn(raw),
    failure: closeTime === undefined ? null : await failureOf(handle),
  };
}

async function failureOf(handle: WorkflowHandle): Promise<OperationReport['failure']> {
  return handle.result().then(() => null, endOf);
}

async function described(client: Client, id: string | null): Promise<Found | null> {
  if (id === null) return null;
  const handle = client.workflow.getHandle(id);
  try {
    return { handle, description: await handle.describe() };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

function isIn({ projectId }: View, { description }: Found): boolean {
  return projectId === undefined || description.typedSearchAttributes.get(searchAttributes.projectId) === projectId;
}

async function lastOperationOf(client: Client, view: View, name: string): Promise<string | null> {
  const [id, ...others] = await idsNamed(client, 'instance', name, view);
  if (id === undefined || others.length > 0) return null;
  const record = await queriedRecord(client, 'instance', id);
  return record === null ? null : (lastHolderOf(record)?.workflowId ?? null);
}

function absent(idOrName: string): CommandError {
  return new CommandError(
    exitCodes.notFound,
    `there is no operation ${idOrName}, nor exactly one instance of that name: see novaflow op list`,
  );
}
