import { setTimeout } from 'node:timers/promises';
import { ApplicationFailure, Context, heartbeat, log } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Instance, OperationInProgress } from '../../model/instance.ts';
import type { Begin, Begun } from '../../model/instance-record.ts';
import { client, fail, queryRecord, update } from '../record-client.ts';

/** How long an operation that was asked to cancel may undo before the instance is taken from it. */
const patienceMs = 30_000;
const pollMs = 100;

/** What a delete finds: the instance, taken; or its last record, when the operation that was asked to cancel left nothing to delete. */
export type Taken = { readonly begun: Begun; readonly gone: null } | { readonly begun: null; readonly gone: Instance };

/**
 * Takes an instance for its deletion. An operation in progress is asked to cancel and waited for; one that does not let go
 * in time loses the instance: under the new generation nothing of it can act. Raises `InstanceNotFound`, and `InstanceBusy`
 * when another delete runs.
 */
export async function begunByDelete(instanceId: string, begin: Omit<Begin, 'takeOver'>): Promise<Taken> {
  const take = (takeOver: boolean) => update<Begun>(`instance/${instanceId}`, 'begin', { ...begin, takeOver }, notFound(instanceId));
  try {
    return { begun: await take(false), gone: null };
  } catch (refusal) {
    const operation = busyWith(refusal, begin.type);
    if (operation === null) throw refusal;
    await askToCancel(operation);
    await whenLetGo(instanceId, operation);
    return await take(true).then(
      (begun) => ({ begun, gone: null }),
      async (late: unknown) => ({ begun: null, gone: await deletedMeanwhile(instanceId, late) }),
    );
  }
}

/** A build that is cancelled deletes its instance by itself. */
async function deletedMeanwhile(instanceId: string, refusal: unknown): Promise<Instance> {
  const isGone = refusal instanceof ApplicationFailure && refusal.type === 'InstanceNotFound';
  const instance = isGone ? await queryRecord<Instance>('instance', instanceId) : null;
  if (instance === null) throw refusal;
  return instance;
}

function notFound(instanceId: string): ApplicationFailure {
  return fail('InstanceNotFound', `there is no instance ${instanceId}`);
}

/** The operation that holds the instance, unless it is one of the same type. */
function busyWith(refusal: unknown, type: string): OperationInProgress | null {
  if (!(refusal instanceof ApplicationFailure) || refusal.type !== 'InstanceBusy') return null;
  const details = refusal.details?.[0] as { operation?: OperationInProgress } | undefined;
  const operation = details?.operation ?? null;
  return operation?.type === type ? null : operation;
}

async function askToCancel({ workflowId, runId }: OperationInProgress): Promise<void> {
  try {
    await client().workflow.getHandle(workflowId, runId).cancel();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

async function whenLetGo(instanceId: string, { runId, type, workflowId }: OperationInProgress): Promise<void> {
  const { cancellationSignal: signal } = Context.current();
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; ) {
    const instance = await queryRecord<Instance>('instance', instanceId);
    if (instance === null || instance.operation?.runId !== runId) return;
    heartbeat();
    await setTimeout(pollMs, undefined, { signal });
  }
  log.warn('an operation did not let go of its instance: it is taken from it', { instanceId, type, workflowId });
}
