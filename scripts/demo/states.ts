import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';

/** A task state that has passed. */
export interface PassedState {
  readonly taskState: string | null;
  readonly milliseconds: number;
}

/** The task states that an operation has left behind; the one it is in is not among them, nor is the end, which is no state. */
export function passedStates(history: Instance['taskHistory']): PassedState[] {
  return history.slice(0, -1).map(({ taskState, at }, index) => ({
    taskState,
    milliseconds: Date.parse(history[index + 1]?.at ?? at) - Date.parse(at),
  }));
}

/** An operation on an instance: its workflow's type and its request. */
export interface InstanceOperation {
  readonly type: 'buildInstance' | 'deleteInstance';
  readonly request: { readonly instanceId: string; readonly [field: string]: unknown };
}

/**
 * Runs an operation through the Temporal client and returns the record that it ends with; `onState` hears of each state as
 * the record has left it, and of no other. Raises the run's own failure, after the last state.
 */
export async function runShown(
  client: Client,
  { type, request }: InstanceOperation,
  onState: (state: PassedState) => void,
): Promise<Instance> {
  const workflowId = `${type}/${randomUUID()}`;
  const handle: WorkflowHandle<(request: object) => Promise<Instance>> = await client.workflow.start(type, {
    taskQueue: controlQueue,
    workflowId,
    args: [request],
  });
  const result = handle.result();
  const ended = result.then(
    () => true,
    () => true,
  );
  let shown = 0;
  for (let isOver = false; !isOver; ) {
    isOver = await Promise.race([ended, pause(50, false)]);
    const states = passedStates(await historyOf(client, request.instanceId, workflowId));
    for (const state of states.slice(shown)) onState(state);
    shown = Math.max(shown, states.length);
  }
  return result;
}

/** The task history while it is this operation's: before it began, the record still has that of the one before. */
async function historyOf(client: Client, instanceId: string, workflowId: string): Promise<Instance['taskHistory']> {
  const record = await client.workflow
    .getHandle(`instance/${instanceId}`)
    .query<Instance | null>('record')
    .catch(() => null);
  const latest = record?.operation ?? record?.recent.at(-1);
  return latest?.workflowId === workflowId ? (record?.taskHistory ?? []) : [];
}
