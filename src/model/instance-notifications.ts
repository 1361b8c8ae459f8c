import { stagesBetween } from './action-events.ts';
import type { RecentOperation } from './instance.ts';
import type { AlterInstance, InstanceState } from './instance-record.ts';
import { type NotificationPolicy, type NotifiedOperation, notifiedInstance, type StateReport } from './notification.ts';
import { type Outbox, posted, type Unnumbered } from './outbox.ts';
import type { Holder } from './tenure.ts';

/** A message of an operation to its instance's record. Without a policy, as from a worker that tells nobody, it makes no notification. */
interface Message {
  readonly notify?: NotificationPolicy;
}

type Change<M> = (state: InstanceState, message: M, at: string) => InstanceState;

/** The change, and into the outbox what it makes worth telling. */
export function notifying<M extends Message>(change: Change<M>): Change<M> {
  return (state, message, at) => notified(state, change(state, message, at), message.notify, at);
}

/** The same for a message that a host may have carried, which has no policy: told as the operation began. */
export function notifyingAsBegun<M extends Message>(change: Change<M>): Change<M> {
  return (state, message, at) => notified(state, change(state, message, at), message.notify ?? state.holder?.notify, at);
}

/**
 * The same for what alters the record alone: told as an action that begins and ends in a moment; and as an update, as Nova reports each
 * save of an instance. One that was done before is not told again.
 */
export function notifyingAlteration(change: Change<AlterInstance>): Change<AlterInstance> {
  return (state, message, at) => {
    const after = change(state, message, at);
    const { record } = after;
    const done = record?.recent.at(-1);
    const isNew = done !== undefined && done.runId === message.run?.runId && state.record?.recent.at(-1) !== done;
    if (record === null || !isNew || message.notify === undefined || message.notify.sinks.length === 0) return after;
    const { workflowId, runId, type, userId, requestId = null } = done;
    const operation = { workflowId, runId, type, part: 1, firstTaskState: null, userId, requestId, startedAt: at };
    const { vmState, taskState } = record;
    const plain = { at, instance: notifiedInstance(record), operation, old: null, failure: null, merged: 0 };
    const update = { ...plain, phase: 'update' as const, old: { vmState, taskState } };
    const updates = message.notify.stateReport === 'none' ? [] : [update];
    const told = [{ ...plain, phase: 'start' as const }, ...updates, { ...plain, phase: 'end' as const }];
    return { ...after, outbox: posted(after.outbox, message.notify, told) };
  };
}

/** The same for a change that no message makes, such as the end of an operation that was terminated: told as the last message was. */
export function notifyingAsBefore<M>(change: Change<M>): Change<M> {
  return (state, message, at) => notified(state, change(state, message, at), state.outbox?.policy, at);
}

function notified(before: InstanceState, after: InstanceState, policy: NotificationPolicy | undefined, at: string): InstanceState {
  if (policy === undefined || policy.sinks.length === 0) return after;
  const outbox: Outbox = posted(after.outbox, policy, worthTelling(before, after, policy, at));
  return { ...after, outbox };
}

/** In order: a start, an update, a stage within, an end; before the start of an operation that took the instance over, the end of the one that lost it. */
function worthTelling(before: InstanceState, after: InstanceState, policy: NotificationPolicy, at: string): Unnumbered[] {
  const { record } = after;
  if (record === null) return [];
  const plain = { at, instance: notifiedInstance(record), old: null, failure: null, merged: 0 };
  const isHandedOver = !isSame(before.holder, after.holder);
  const start =
    isHandedOver && after.holder !== null ? [{ ...plain, phase: 'start' as const, operation: operationOf(after.holder, after) }] : [];
  const end = isHandedOver && before.holder !== null ? [{ ...plain, ...endOf(before.holder, before, record.recent.at(-1)) }] : [];
  const update = changeOf(before, after, policy.stateReport).map((old) => ({
    ...plain,
    phase: 'update' as const,
    operation: currentOf(before, after),
    old,
  }));
  if (start.length > 0) return [...end, ...start, ...update];
  const within = isHandedOver || policy.tellsStages !== true ? [] : stagesIn(before, after).map((stage) => ({ ...plain, ...stage }));
  return [...update, ...within, ...end];
}

/** What Nova tells of an operation between its start and its end. */
function stagesIn(before: InstanceState, after: InstanceState): Pick<Unnumbered, 'phase' | 'operation'>[] {
  const { holder, record } = after;
  if (holder === null) return [];
  const { ended, begun } = stagesBetween(holder, before.record?.taskState ?? null, record?.taskState ?? null);
  const told = (phase: 'start' | 'end', stage: string | null) =>
    stage === null ? [] : [{ phase, operation: { ...operationOf(holder, after), stage } }];
  return [...told('end', ended), ...told('start', begun)];
}

/** The states before, when a change of them is reported. */
function changeOf(before: InstanceState, { record }: InstanceState, stateReport: StateReport): NonNullable<Unnumbered['old']>[] {
  const old = { vmState: before.record?.vmState ?? null, taskState: before.record?.taskState ?? null };
  const hasNewVmState = old.vmState !== record?.vmState;
  const hasNewTaskState = old.taskState !== record?.taskState;
  const isReported = { none: false, vm_state: hasNewVmState, vm_and_task_state: hasNewVmState || hasNewTaskState }[stateReport];
  return isReported ? [old] : [];
}

function currentOf(before: InstanceState, after: InstanceState): NotifiedOperation | null {
  if (after.holder !== null) return operationOf(after.holder, after);
  return before.holder === null ? null : operationOf(before.holder, before);
}

/** The halves of an operation are told as two. */
function isSame(one: Holder | null, other: Holder | null): boolean {
  return one?.firstRunId === other?.firstRunId && one?.part === other?.part;
}

function endOf(
  holder: Holder,
  state: InstanceState,
  ended: RecentOperation | undefined,
): Pick<Unnumbered, 'phase' | 'operation' | 'failure'> {
  const operation = operationOf(holder, state);
  if (ended === undefined || ended.end === 'completed') return { phase: 'end', operation, failure: null };
  return { phase: 'error', operation, failure: ended.failure ?? { type: 'OperationFailed', message: `it was ${ended.end}` } };
}

function operationOf(holder: Holder, { record }: InstanceState): NotifiedOperation {
  const { workflowId, runId, type, part, userId, requestId = null, since } = holder;
  const firstTaskState = record?.taskHistory[0]?.taskState ?? null;
  return { workflowId, runId, type, part, firstTaskState, userId, requestId, startedAt: since };
}
