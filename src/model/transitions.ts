import { type Instance, type TaskState, taskStates, type VmState, vmStates } from './instance.ts';
import type { Refused } from './refused.ts';

/** What an action asks of an instance and what it leads to. A row says all of it: nothing else decides whether an action may begin. */
export interface Transition {
  /** The states it may begin in. */
  readonly vmStates: readonly VmState[];
  /** What may be under way as it begins: null is nothing; what has any other of these is asked to cancel and taken over. */
  readonly taskStates: readonly (TaskState | null)[];
  /** The task state that it begins with; null shows nothing. */
  readonly sets: TaskState | null;
  /** The state that it leads to; null leaves it as it was. */
  readonly leadsTo: VmState | null;
  /** Whether a locked instance refuses it to others than administrators: whoever locked it, never, or when an administrator did. */
  readonly lock: 'refuses' | 'passes' | 'refuses when of an administrator';
  /** Whether the instance has to be on a host, its guest launched once. */
  readonly needsGuest: boolean;
  /** What is done to the instance: `started`. For sentences. */
  readonly participle: string;
}

const idle = [null] as const;
const ofAGuest = { taskStates: idle, lock: 'refuses', needsGuest: true } as const;
/** It only reads: a lock does not keep it from anybody. */
const ofASnapshot = { ...ofAGuest, vmStates: ['active', 'stopped', 'paused', 'suspended'], leadsTo: null, lock: 'passes' } as const;
/** Changes of the record alone, beside whatever is under way. */
const ofTheRecord = { taskStates: [null, ...taskStates], sets: null, leadsTo: null, needsGuest: false } as const;

/** The state machine of an instance (the decorators of `nova/compute/api.py`), by operation. */
export const transitions = {
  startInstance: { ...ofAGuest, vmStates: ['stopped'], sets: 'powering-on', leadsTo: 'active', participle: 'started' },
  stopInstance: { ...ofAGuest, vmStates: ['active', 'error'], sets: 'powering-off', leadsTo: 'stopped', participle: 'stopped' },
  'rebootInstance soft': { ...ofAGuest, vmStates: ['active'], sets: 'rebooting', leadsTo: 'active', participle: 'rebooted' },
  'rebootInstance hard': {
    ...ofAGuest,
    vmStates: ['active', 'stopped', 'paused', 'suspended', 'error'],
    taskStates: [null, 'rebooting', 'reboot_pending', 'reboot_started', 'rebooting_hard', 'resuming', 'unpausing', 'pausing', 'suspending'],
    sets: 'rebooting_hard',
    leadsTo: 'active',
    participle: 'rebooted hard',
  },
  pauseInstance: { ...ofAGuest, vmStates: ['active'], sets: 'pausing', leadsTo: 'paused', participle: 'paused' },
  unpauseInstance: { ...ofAGuest, vmStates: ['paused'], sets: 'unpausing', leadsTo: 'active', participle: 'unpaused' },
  suspendInstance: { ...ofAGuest, vmStates: ['active'], sets: 'suspending', leadsTo: 'suspended', participle: 'suspended' },
  resumeInstance: { ...ofAGuest, vmStates: ['suspended'], sets: 'resuming', leadsTo: 'active', participle: 'resumed' },
  resizeInstance: { ...ofAGuest, vmStates: ['active', 'stopped'], sets: 'resize_prep', leadsTo: 'resized', participle: 'resized' },
  migrateInstance: { ...ofAGuest, vmStates: ['active', 'stopped'], sets: 'resize_prep', leadsTo: 'resized', participle: 'migrated' },
  liveMigrateInstance: { ...ofAGuest, vmStates: ['active', 'paused'], sets: 'migrating', leadsTo: null, participle: 'migrated live' },
  confirmResize: { ...ofAGuest, vmStates: ['resized'], sets: null, leadsTo: 'active', participle: 'confirmed' },
  revertResize: { ...ofAGuest, vmStates: ['resized'], sets: 'resize_reverting', leadsTo: 'active', participle: 'reverted' },
  snapshotInstance: { ...ofASnapshot, sets: 'image_snapshot_pending', participle: 'made an image of' },
  backupInstance: { ...ofASnapshot, sets: 'image_backup', participle: 'backed up' },
  setInstancePassword: {
    ...ofAGuest,
    vmStates: ['active'],
    sets: 'updating_password',
    leadsTo: null,
    participle: 'given a password',
  },
  triggerCrashDump: {
    ...ofAGuest,
    vmStates: ['active', 'paused', 'rescued', 'resized', 'error'],
    sets: null,
    leadsTo: null,
    participle: 'crashed',
  },
  softDeleteInstance: {
    vmStates,
    taskStates: [null, ...taskStates.filter((state) => state !== 'deleting' && state !== 'soft-deleting')],
    sets: 'soft-deleting',
    leadsTo: 'soft-delete',
    lock: 'refuses',
    needsGuest: false,
    participle: 'deleted',
  },
  restoreInstance: { ...ofAGuest, vmStates: ['soft-delete'], sets: 'restoring', leadsTo: 'active', participle: 'restored' },
  reclaimInstance: {
    vmStates: ['soft-delete'],
    taskStates: idle,
    sets: 'deleting',
    leadsTo: 'deleted',
    lock: 'refuses',
    needsGuest: false,
    participle: 'reclaimed',
  },
  deleteInstance: {
    vmStates,
    taskStates: [null, ...taskStates.filter((state) => state !== 'deleting')],
    sets: 'deleting',
    leadsTo: 'deleted',
    lock: 'refuses',
    needsGuest: false,
    participle: 'deleted',
  },
  lockInstance: { ...ofTheRecord, vmStates, lock: 'refuses when of an administrator', participle: 'locked' },
  unlockInstance: { ...ofTheRecord, vmStates, lock: 'refuses when of an administrator', participle: 'unlocked' },
  renameInstance: { ...ofTheRecord, vmStates, lock: 'refuses', participle: 'renamed' },
  setInstanceMetadata: {
    ...ofTheRecord,
    vmStates: ['active', 'paused', 'suspended', 'stopped'],
    lock: 'refuses',
    participle: 'given metadata',
  },
} as const satisfies Record<string, Transition>;

/** A row of the table. */
export type Action = keyof typeof transitions;

/**
 * What a task state comes after, where that is asked (Nova's `expected_task_state`): a step that comes late is refused by the record,
 * whatever else let it pass.
 */
const predecessors: Partial<Record<TaskState, readonly TaskState[]>> = {
  image_snapshot: ['image_snapshot_pending'],
  image_pending_upload: ['image_snapshot', 'image_backup'],
  image_uploading: ['image_pending_upload'],
};

/** Why the instance cannot go from its present task state to `next`, or null. Where it is already it may go again. */
export function refusalToGoOn(next: TaskState, { name, vmState, taskState }: Instance): Refused | null {
  const expected: readonly (TaskState | null)[] | undefined = predecessors[next];
  if (expected === undefined || next === taskState || expected.includes(taskState)) return null;
  return {
    type: 'InvalidState',
    message: `instance ${name} goes to ${next} from ${expected.join(' or ')}, not from ${taskState ?? 'rest'}`,
    details: { vmState, taskState },
  };
}

/** What is proposed as the way out of a state, the first that leads to where an action may begin. */
const waysOut: readonly (readonly [Action, help: string])[] = [
  ['unpauseInstance', 'unpause it first'],
  ['resumeInstance', 'resume it first'],
  ['startInstance', 'start it first'],
  ['restoreInstance', 'restore it first'],
  ['confirmResize', 'confirm or revert its resize first'],
  ['rebootInstance hard', 'reboot it hard first'],
];

/** Why `action` may not begin in the state that the instance rests in, or null. */
export function refusalInState(action: Action, { name, vmState, taskState, host, launchedAt }: Instance): Refused | null {
  const row: Transition = transitions[action];
  const refuse = (help: string): Refused => ({
    type: 'InvalidState',
    message: `instance ${name} is ${inWords(vmState)}: ${help}`,
    details: { vmState, taskState },
  });
  if (!row.vmStates.includes(vmState)) return refuse(wayTo(row, vmState));
  return row.needsGuest && (host === null || launchedAt === null) ? refuse('it was never launched, delete it') : null;
}

/** Why a lock keeps `action` from whoever asks, or null. */
export function refusalByLock(action: Action, { name, locked }: Instance, isAdmin: boolean): Refused | null {
  const { lock }: Transition = transitions[action];
  const counts = lock === 'refuses' || (lock === 'refuses when of an administrator' && locked?.by === 'admin');
  if (locked === null || isAdmin || !counts) return null;
  const why = locked.reason === null ? '' : ` (${locked.reason})`;
  return {
    type: 'InstanceLocked',
    message: `instance ${name} is locked by ${locked.by === 'admin' ? 'an administrator' : 'its owner'}${why}: unlock it first`,
  };
}

/** Whether `action` may take an instance over from the operation that holds it; most begin on an idle one only. */
export function mayTakeOver(action: Action, underWay: TaskState | null): boolean {
  const { taskStates: during }: Transition = transitions[action];
  return during.length > idle.length && during.includes(underWay);
}

/** What would help: the action that leads from the present state to one of those that are wanted; else which those are. */
function wayTo({ vmStates: wanted, participle }: Transition, present: VmState): string {
  const way = waysOut.find(([action]) => {
    const { vmStates: from, leadsTo }: Transition = transitions[action];
    return from.includes(present) && leadsTo !== null && wanted.includes(leadsTo);
  });
  return way === undefined ? `only one that is ${listed(wanted.map(inWords))} can be ${participle}` : way[1];
}

function listed(states: readonly string[]): string {
  return states.length < 2 ? `${states[0]}` : `${states.slice(0, -1).join(', ')} or ${states.at(-1)}`;
}

function inWords(vmState: VmState): string {
  return vmState === 'error' ? 'in error' : vmState;
}
