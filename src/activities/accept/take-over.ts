import { setTimeout } from 'node:timers/promises';
import { ApplicationFailure, Context, heartbeat, log } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Instance, OperationInProgress } from '../../model/instance.ts';
import type { Begin, Begun } from '../../model/instance-record.ts';
import type { OperationView } from '../../model/operation.ts';
import { type Action, mayTakeOver, transitions } from '../../model/transitions.ts';
import { currentContext } from '../context.ts';
import { client, fail, queryRecord, update } from '../record-client.ts';
import { runOf } from '../records.ts';

/** How long an operation that was asked to cancel may undo before the instance is taken from it. */
const patienceMs = 30_000;
const pollMs = 100;

/** What an operation on an instance calls itself, and the row of the state machine that it follows. */
export interface Beginning {
  readonly type: string;
  readonly action: Action;
  readonly instanceId: string;
  readonly firstRunId: string;
  /** Only while the record waits for this workflow. */
  readonly openedBy?: string;
  /** 2 for the second half of an operation that let go. @default 1 */
  readonly part?: number;
  /** It comes by itself when a time is over: no lock keeps it. */
  readonly isAutomatic?: boolean;
  /** Why, as who asked said it. */
  readonly reason?: string;
}

/** What a taker-over finds: the instance, taken; or its last record, when the operation that was asked to cancel left nothing. */
export type Taken = { readonly begun: Begun; readonly gone: null } | { readonly begun: null; readonly gone: Instance };

/** Takes an idle instance. Raises `InstanceNotFound`, `InstanceLocked`, `InstanceBusy`, `InvalidState`. Repeatable. */
export function begun(beginning: Beginning): Promise<Begun> {
  return take(beginning, { takeOver: false });
}

/**
 * Takes an instance, from an operation in progress too where the state machine allows it: that is asked to cancel and waited
 * for; one that does not let go in time loses the instance, under the new generation nothing of it can act. Raises what
 * `begun` raises; `InstanceBusy` when it may not be taken from what holds it.
 */
export async function begunByTakingOver(beginning: Beginning): Promise<Taken> {
  try {
    return { begun: await take(beginning, { takeOver: false }), gone: null };
  } catch (refusal) {
    const operation = await replaceable(refusal, beginning);
    if (operation === null) throw refusal;
    await askToCancel(operation);
    await whenLetGo(beginning.instanceId, operation);
    return await take(beginning, { takeOver: true }).then(
      (taken) => ({ begun: taken, gone: null }),
      async (late: unknown) => ({ begun: null, gone: await deletedMeanwhile(beginning.instanceId, late) }),
    );
  }
}

function take(
  { instanceId, firstRunId, part = 1, isAutomatic = false, ...what }: Beginning,
  { takeOver }: { takeOver: boolean },
): Promise<Begun> {
  const { userId, isAdmin: isAdministrator } = currentContext();
  const { sets: taskState } = transitions[what.action];
  const isAdmin = isAdministrator || isAutomatic;
  const begin: Begin = { ...what, run: runOf(firstRunId), part, userId, taskState, create: null, isAdmin, takeOver };
  return update<Begun>(`instance/${instanceId}`, 'begin', begin, notFound(instanceId));
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

/** The operation that holds the instance, where it may be taken from it; the record decides again. */
async function replaceable(refusal: unknown, { action, instanceId }: Beginning): Promise<OperationInProgress | null> {
  if (!(refusal instanceof ApplicationFailure) || refusal.type !== 'InstanceBusy') return null;
  const details = refusal.details?.[0] as { operation?: OperationInProgress } | undefined;
  const instance = await queryRecord<Instance>('instance', instanceId);
  return instance !== null && mayTakeOver(action, instance.taskState) ? (details?.operation ?? null) : null;
}

async function askToCancel({ workflowId, runId }: OperationInProgress): Promise<void> {
  try {
    await client().workflow.getHandle(workflowId, runId).cancel();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/**
 * Whether it is waited for however long it takes: a guest that is past the switch of its migration is on neither host alone. One that waits
 * for an operator itself is not.
 */
async function isWaitedFor({ type, workflowId, runId }: OperationInProgress): Promise<boolean> {
  if (type !== 'liveMigrateInstance') return false;
  const { parked } = await client().workflow.getHandle(workflowId, runId).query<OperationView>('operation');
  return parked === null;
}

async function whenLetGo(instanceId: string, operation: OperationInProgress): Promise<void> {
  const { runId, type, workflowId } = operation;
  const { cancellationSignal: signal } = Context.current();
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline || (await isWaitedFor(operation)); ) {
    const instance = await queryRecord<Instance>('instance', instanceId);
    if (instance === null || instance.operation?.runId !== runId) return;
    heartbeat();
    await setTimeout(pollMs, undefined, { signal });
  }
  log.warn('an operation did not let go of its instance: it is taken from it', { instanceId, type, workflowId });
}
