import { setTimeout } from 'node:timers/promises';
import { type Client, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { type Instance, lastHolderOf } from '../../model/instance.ts';
import type { OperationView } from '../../model/operation.ts';
import type { Run, Sight } from '../cloud.ts';
import { pendingOf } from './pending.ts';
import { queriedRecord } from './records.ts';

const pollMs = 150;
/** A control worker that is there answers in 20 ms; one that is not would be waited for until the server's own limit. */
const queryWithinMs = 3_000;
/** Looked at apart, since only a step that takes longer has something to say. */
const slowStepMs = 1_000;

/** A run that can be watched, waited for and cancelled. */
export function runOf(client: Client, handle: WorkflowHandle, type: string): Run {
  let result: Promise<unknown> | null = null;
  const outcome = () => {
    result ??= handle.result();
    return result;
  };
  return {
    id: handle.workflowId,
    type,
    result: outcome,
    cancel: async () => {
      await handle.cancel().catch((error: unknown) => {
        if (!(error instanceof WorkflowNotFoundError)) throw error; // ended meanwhile
      });
    },
    sights: (signal) => sights(client, handle, outcome(), signal),
  };
}

async function* sights(client: Client, handle: WorkflowHandle, result: Promise<unknown>, signal: AbortSignal): AsyncGenerator<Sight> {
  let isOver = false;
  const over = result.then(
    () => true,
    () => true,
  );
  while (!signal.aborted && !isOver) {
    isOver = await Promise.race([over, pause(pollMs, signal)]);
    yield { ...(await look(client, handle)), isOver };
  }
}

async function look(client: Client, handle: WorkflowHandle): Promise<Omit<Sight, 'isOver'>> {
  const operation = await operationView(client, handle);
  const id = operation?.instanceId ?? null;
  const record = id === null ? null : await queriedRecord(client, 'instance', id).catch(() => null);
  const isSlow = operation === null || operation.steps.some(({ state, startedAt }) => state === 'running' && isLongAgo(startedAt));
  return {
    operation,
    instance: record !== null && isTakenBy(record, handle.workflowId) ? record : null,
    pending: isSlow ? await pendingOf(client, handle).catch(() => []) : [],
  };
}

/** The operation's own view of itself, or null when nobody answers for it: no worker, or a type that holds nothing and has no steps. */
export function operationView(client: Client, handle: WorkflowHandle): Promise<OperationView | null> {
  const query = () => handle.query<OperationView>('operation');
  return client.withDeadline(Date.now() + queryWithinMs, query).catch(() => null);
}

/** Whether the operation is the last one that took the record: the task history is of that one. */
function isTakenBy(instance: Instance, workflowId: string): boolean {
  return lastHolderOf(instance)?.workflowId === workflowId;
}

function isLongAgo(at: string): boolean {
  return Date.now() - Date.parse(at) > slowStepMs;
}

async function pause(ms: number, signal: AbortSignal): Promise<false> {
  await setTimeout(ms, undefined, { signal }).catch(() => {});
  return false;
}
