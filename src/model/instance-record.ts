import type { Flavor } from './flavor.ts';
import type { Fault, Instance, InstanceAlterations, InstanceChanges, OperationInProgress, RecentOperation, TaskState } from './instance.ts';
import type { NotificationPolicy } from './notification.ts';
import type { Outbox } from './outbox.ts';
import { maySee, unseen } from './permission.ts';
import type { Refused } from './refused.ts';
import {
  continuedBy,
  type Enter,
  type Finish,
  type Holder,
  isLate,
  mayAct,
  moved,
  type Requester,
  type Run,
  released,
  rememberedEnds,
  standingOf,
  superseded,
  type Tenure,
  type Token,
  taken,
} from './tenure.ts';
import { type Action, mayTakeOver, refusalByLock, refusalInState, refusalToGoOn } from './transitions.ts';
import { refusalOfWished, type Wish, wishAfterBegin } from './wish.ts';

/** What an operation asks when it takes an instance. */
export interface Begin {
  readonly run: Run;
  readonly type: string;
  readonly part: number;
  readonly userId: string;
  readonly taskState: TaskState | null;
  /** Only a build makes the record. */
  readonly create: NewInstance | null;
  /** Which row of the state machine decides. Absent for a build. */
  readonly action?: Action;
  readonly isAdmin: boolean;
  /** Only while this is the workflow that the record waits for. */
  readonly openedBy?: string;
  /** What is under way was asked to cancel: the instance is taken from it where the state machine allows that. */
  readonly takeOver: boolean;
  /** Absent: a message of a release before, which is judged as an administrator's. */
  readonly by?: Requester;
  /** What who asked said of it, to be shown with it. */
  readonly reason?: string;
  readonly notify?: NotificationPolicy;
}

export interface NewInstance {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  readonly userId: string;
  readonly flavor: Flavor;
  readonly image: string;
  readonly availabilityZone: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Begun {
  readonly token: Token;
  readonly record: Instance;
  readonly touched: readonly string[];
}

/** A change of the record that holds nothing. */
export interface AlterInstance {
  readonly action: Action;
  readonly by: Requester;
  readonly changes: InstanceAlterations;
  /** Of the operation. Absent: a worker of before 0.2, whose alterations are not remembered. */
  readonly run?: Pick<Run, 'workflowId' | 'runId'>;
  readonly notify?: NotificationPolicy;
}

export type EnterInstance = Enter<InstanceChanges> & { readonly notify?: NotificationPolicy };
export type FinishInstance = Finish<InstanceChanges> & { readonly notify?: NotificationPolicy };

/** The state of a record's workflow: plain JSON, carried through continue-as-new. */
export interface InstanceState extends Tenure {
  /** Null until the first build has made it. */
  readonly record: Instance | null;
  /** Records that hold something of the instance, noted before it is there: what a delete cleans, whatever died before it. */
  readonly touched: readonly string[];
  /** What is still to be told. Absent as long as nobody was to be told anything. */
  readonly outbox?: Outbox;
  /** What has to follow from what was last seen of the guest. */
  readonly wish?: Wish | null;
}

export const emptyInstance: InstanceState = { record: null, touched: [], holder: null, generation: 0, ended: [] };

/** Why `message` cannot take the instance now, or null. */
export function refusalToBegin(state: InstanceState, message: Begin): Refused | null {
  switch (standingOf(state, message.run, message.part)) {
    case 'holds':
    case 'reset':
      return null;
    case 'ended':
      return resetRefused(message.type);
    case 'busy':
    case 'free':
      return refusalOfWished(state, message.run) ?? refusalOfNewcomer(state, message);
  }
}

function refusalOfNewcomer({ record, holder }: InstanceState, { create, takeOver, action, isAdmin, openedBy, by }: Begin): Refused | null {
  if (create !== null) {
    return record === null
      ? null
      : { type: 'InstanceExists', message: `instance ${record.id} exists already: leave instanceId out, or choose another` };
  }
  if (record === null) return { type: 'InstanceNotFound', message: 'the instance was never built' };
  if (by !== undefined && !maySee(by, record)) return unseen(record.id);
  if (record.vmState === 'deleted') return { type: 'InstanceNotFound', message: `instance ${record.name} is deleted` };
  const others = refusalOfOthers(record, openedBy);
  if (others !== null) return others;
  if (action === undefined) return holder === null ? null : busy(record, holder);
  const locked = refusalByLock(action, record, isAdmin);
  if (locked !== null) return locked;
  if (holder !== null && !(takeOver && mayTakeOver(action, record.taskState))) return busy(record, holder);
  return refusalInState(action, record);
}

/** A soft delete that was taken back, a resize that was decided: who waited for it has nothing to do any more. */
function refusalOfOthers({ name, vmState, taskState, open }: Instance, openedBy: string | undefined): Refused | null {
  if (openedBy === undefined || open?.workflowId === openedBy) return null;
  return { type: 'InvalidState', message: `instance ${name} does not wait for ${openedBy} any more`, details: { vmState, taskState } };
}

/** Why a change of the record alone is refused, or null. */
export function refusalToAlter({ record }: InstanceState, { action, by }: AlterInstance): Refused | null {
  if (record === null) return { type: 'InstanceNotFound', message: 'the instance was never built' };
  if (!maySee(by, record)) return unseen(record.id);
  if (record.vmState === 'deleted') return { type: 'InstanceNotFound', message: `instance ${record.name} is deleted` };
  return refusalByLock(action, record, by.isAdmin) ?? refusalInState(action, record);
}

/** The state with the record changed beside whatever is under way; who holds it goes on. */
export function alter(state: InstanceState, message: AlterInstance, at: string): InstanceState {
  const { record } = state;
  return record === null
    ? state
    : { ...state, record: { ...record, ...message.changes, ...recentWith(record, message, at), updatedAt: at } };
}

/** What is remembered of an alteration: it is done in a moment. Repeated by the same run it changes nothing. */
function recentWith({ recent }: Instance, { action: type, by, run }: AlterInstance, at: string): Partial<Pick<Instance, 'recent'>> {
  if (run === undefined || recent.some(({ runId }) => runId === run.runId)) return {};
  const { userId, requestId } = by;
  const done: RecentOperation = { ...run, type, userId, requestId, startedAt: at, endedAt: at, end: 'completed', failure: null, steps: [] };
  return { recent: [...recent, done].slice(-rememberedEnds) };
}

/**
 * Why an operation that takes nothing over will be refused, as far as the record shows it: asked before something is made that would have
 * to be taken back. The record decides again.
 */
export function refusalForeseen(action: Action, record: Instance, by: Requester, workflowId: string): Refused | null {
  const { operation } = record;
  const locked = refusalByLock(action, record, by.isAdmin);
  if (locked !== null) return locked;
  if (operation !== null && operation.workflowId !== workflowId) return busyWith(record, operation);
  return refusalInState(action, record);
}

function busy(record: Instance, holder: Holder): Refused {
  return busyWith(record, operationOf(holder));
}

function busyWith({ name }: Instance, operation: OperationInProgress): Refused {
  const { type, since, step, workflowId } = operation;
  return {
    type: 'InstanceBusy',
    message: `instance ${name} is held by ${type} since ${since} (${step}): wait for ${workflowId}, or cancel it`,
    details: { operation },
  };
}

function resetRefused(type: string): Refused {
  return { type: 'ResetRefused', message: `this ${type} has ended or begun to undo: start a new one` };
}

/** The state after `message` took the instance. Repeated by the same run it changes nothing; by a reset run it starts a new generation. */
export function begin(state: InstanceState, message: Begin, at: string): InstanceState {
  const { holder } = state;
  if (holder !== null && mayAct(state, message.run, message.part)) {
    return holder.runId === message.run.runId ? state : shown({ ...state, ...continuedBy(state, holder, message.run.runId) }, at);
  }
  const { type, part, userId, taskState } = message;
  const requestId = message.by?.requestId ?? null;
  const { notify, reason } = message;
  const said = { ...(notify === undefined ? {} : { notify }), ...(reason === undefined ? {} : { reason }) };
  const tenure = taken(state, message.run, { type, part, userId, requestId, step: 'accept', since: at, ...said });
  const known = message.create === null ? state.record : newRecord(message.create, at);
  if (known === null) return state;
  const record = holder === null ? known : remembered(known, holder, takenOverBy(message), at);
  const wish = state.wish === undefined ? {} : { wish: wishAfterBegin(state, message.run) };
  return shown({ ...state, ...tenure, ...wish, record: { ...record, taskState, taskHistory: [{ taskState, at }] } }, at);
}

/** How an operation ended that did not let go in time. */
function takenOverBy({ type, run }: Begin): Outcome {
  return { end: 'terminated', steps: [], failure: { type: 'TakenOver', message: `${type} took the instance over: see ${run.workflowId}` } };
}

/** Why `message` is not taken, or null: the caller does not hold the instance any more. */
export function refusalToEnter(state: InstanceState, message: EnterInstance): Refused | null {
  const { holder } = state;
  const { run, part, changes } = message;
  if (mayAct(state, run, part)) return mayComeInAnyOrder(holder, message) ? null : refusalOfOrder(state, changes?.taskState ?? null);
  if (holder === null || holder.firstRunId === run.firstRunId) return resetRefused('operation');
  return { type: 'ResetRefused', message: `the instance was taken over by ${holder.type} (${holder.workflowId})` };
}

/** A run that a reset made walks through states again that the one before it had left; a late message changes nothing. */
function mayComeInAnyOrder(holder: Holder | null, message: EnterInstance): boolean {
  return holder !== null && (holder.runId !== message.run.runId || holder.replaced.length > 0 || isLate(holder, message));
}

function refusalOfOrder({ record }: InstanceState, next: TaskState | null): Refused | null {
  return record === null || next === null ? null : refusalToGoOn(next, record);
}

/** The state after the holder moved on. The caller has been found to hold it. */
export function enter(state: InstanceState, message: EnterInstance, at: string): InstanceState {
  const { record, holder } = state;
  if (record === null || holder === null || isLate(holder, message)) return state;
  const held = superseded(continuedBy(state, holder, message.run.runId), message);
  const touched = message.touches ?? state.touched;
  return shown({ ...state, ...held, touched, holder: moved(held.holder, message), record: changed(record, message.changes ?? {}, at) }, at);
}

function changed(record: Instance, changes: InstanceChanges, at: string): Instance {
  const { taskState } = changes;
  const next = { ...record, ...changes, ...(changes.host === null && 'pinnedCpus' in record ? { pinnedCpus: null } : {}) };
  if (taskState === undefined || taskState === record.taskState) return next;
  return { ...next, taskHistory: [...record.taskHistory, { taskState, at }] };
}

/** The state after the holder let go. A repeated message, or one of an operation that holds nothing, changes nothing. */
export function finish(state: InstanceState, message: FinishInstance, at: string): InstanceState {
  const { record, holder } = state;
  if (record === null || holder === null || !mayAct(state, message.run, message.part)) return state;
  return letGo(state, record, { ...holder, runId: message.run.runId }, message, at);
}

/** The state after the holder's run was terminated or timed out: nothing of it can act under the new generation. */
export function abandon(state: InstanceState, how: string, at: string): InstanceState {
  const { record, holder } = state;
  if (record === null || holder === null) return state;
  const fault: Fault = {
    type: 'Terminated',
    message: `${holder.type} was ${how} at step ${holder.step}: delete the instance, or look at ${holder.workflowId}`,
    at,
    operation: { workflowId: holder.workflowId, runId: holder.runId, type: holder.type },
  };
  const { type, message } = fault;
  const outcome = { end: 'terminated', steps: [], failure: { type, message }, changes: { vmState: 'error', fault } } as const;
  const next = letGo(state, record, holder, outcome, at);
  return shown({ ...next, generation: next.generation + 1 }, at);
}

function letGo(
  state: InstanceState,
  record: Instance,
  holder: Holder,
  { changes, touches, ...outcome }: Outcome & Pick<FinishInstance, 'changes' | 'touches'>,
  at: string,
): InstanceState {
  return shown(
    {
      ...state,
      ...released(state, holder),
      touched: touches ?? state.touched,
      record: {
        ...remembered(changed(record, { ...changes, taskState: null }, at), holder, outcome, at),
        deletedAt: changes.vmState === 'deleted' ? at : record.deletedAt,
      },
    },
    at,
  );
}

type Outcome = Pick<FinishInstance, 'end' | 'steps' | 'failure'>;

/** The record with the holder's operation among those that ended. */
function remembered(
  record: Instance,
  { workflowId, runId, type, userId, requestId, since, reason }: Holder,
  outcome: Outcome,
  at: string,
): Instance {
  const { end, steps, failure = null } = outcome;
  const kept = failure === null ? null : { type: failure.type, message: failure.message.slice(0, longestFailure) };
  const operation = { workflowId, runId, type, userId, requestId: requestId ?? null, ...(reason === undefined ? {} : { reason }) };
  const recent: RecentOperation = { ...operation, startedAt: since, endedAt: at, end, failure: kept, steps };
  return { ...record, recent: [...record.recent, recent].slice(-rememberedEnds) };
}

/** Twenty of them are in every record, and a command's failure repeats all that it said. */
const longestFailure = 1000;

/** The state with what follows from the tenure written into the record. */
function shown(state: InstanceState, at: string): InstanceState {
  const { record, holder, generation } = state;
  if (record === null) return state;
  return { ...state, record: { ...record, generation, operation: holder === null ? null : operationOf(holder), updatedAt: at } };
}

function operationOf({ workflowId, runId, type, userId, requestId = null, step, since, reason }: Holder): OperationInProgress {
  return { workflowId, runId, type, userId, requestId, step, since, ...(reason === undefined ? {} : { reason }) };
}

function newRecord(made: NewInstance, at: string): Instance {
  return {
    ...made,
    vmState: 'building',
    taskState: null,
    powerState: 'nostate',
    host: null,
    disks: [],
    ports: [],
    machineType: null,
    cpuModel: null,
    fault: null,
    operation: null,
    open: null,
    recent: [],
    locked: null,
    taskHistory: [],
    generation: 0,
    createdAt: at,
    updatedAt: at,
    launchedAt: null,
    launchedOn: null,
    deletedAt: null,
  };
}
