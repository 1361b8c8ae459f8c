import { describe, expect, test } from 'vitest';
import { type Instance, type TaskState, taskStates, type VmState, vmStates } from '../../src/model/instance.ts';
import { alter, type InstanceState, refusalToAlter, refusalToBegin } from '../../src/model/instance-record.ts';
import { type Action, refusalToGoOn, transitions } from '../../src/model/transitions.ts';
import { active, beginning } from './instances.ts';
import { at, holderOf, runOf } from './tenures.ts';

/** What Nova says of an action (the decorators of `nova/compute/api.py`), typed from there: not from our table. */
interface Expected {
  readonly vmStates: 'any' | readonly VmState[];
  /** Beside nothing; the action takes the instance over from these. */
  readonly during: readonly (TaskState | null)[];
  readonly lock: 'any' | 'none' | 'of an administrator';
  readonly needsHost: boolean;
}

const onGuest = (...states: readonly VmState[]): Expected => ({ vmStates: states, during: [], lock: 'any', needsHost: true });

const ofOperations: Readonly<Record<string, Expected>> = {
  startInstance: onGuest('stopped'),
  stopInstance: onGuest('active', 'error'),
  'rebootInstance soft': onGuest('active'),
  'rebootInstance hard': {
    ...onGuest('active', 'stopped', 'paused', 'suspended', 'error'),
    during: [null, 'rebooting', 'reboot_pending', 'reboot_started', 'rebooting_hard', 'resuming', 'unpausing', 'pausing', 'suspending'],
  },
  pauseInstance: onGuest('active'),
  unpauseInstance: onGuest('paused'),
  suspendInstance: onGuest('active'),
  resumeInstance: onGuest('suspended'),
  resizeInstance: onGuest('active', 'stopped'),
  migrateInstance: onGuest('active', 'stopped'),
  liveMigrateInstance: onGuest('active', 'paused'),
  confirmResize: onGuest('resized'),
  revertResize: onGuest('resized'),
  setInstancePassword: onGuest('active'),
  triggerCrashDump: onGuest('active', 'paused', 'rescued', 'resized', 'error'),
  snapshotInstance: { ...onGuest('active', 'stopped', 'paused', 'suspended'), lock: 'none' },
  backupInstance: { ...onGuest('active', 'stopped', 'paused', 'suspended'), lock: 'none' },
  restoreInstance: onGuest('soft-delete'),
  // Nova's periodic task; it needs no guest.
  reclaimInstance: { ...onGuest('soft-delete'), needsHost: false },
  // Any, but for one that runs: the contract refuses a second one as busy.
  softDeleteInstance: { vmStates: 'any', during: allBut('deleting', 'soft-deleting'), lock: 'any', needsHost: false },
  deleteInstance: { vmStates: 'any', during: allBut('deleting'), lock: 'any', needsHost: false },
} satisfies Partial<Record<Action, Expected>>;

/** These hold nothing, and go beside whatever is under way. */
const ofAlterations: Readonly<Record<string, Omit<Expected, 'during' | 'needsHost'>>> = {
  lockInstance: { vmStates: 'any', lock: 'of an administrator' },
  unlockInstance: { vmStates: 'any', lock: 'of an administrator' },
  renameInstance: { vmStates: 'any', lock: 'any' },
  setInstanceMetadata: { vmStates: ['active', 'paused', 'suspended', 'stopped'], lock: 'any' },
} satisfies Partial<Record<Action, Omit<Expected, 'during' | 'needsHost'>>>;

function allBut(...states: readonly TaskState[]): readonly (TaskState | null)[] {
  return [null, ...taskStates.filter((state) => !states.includes(state))];
}

const operations = Object.entries(ofOperations) as [Action, Expected][];
const alterations = Object.entries(ofAlterations) as [Action, Expected][];

function withRecord(changes: Partial<Instance>): InstanceState {
  if (active.record === null) throw new Error('the build made no record');
  return { ...active, record: { ...active.record, vmState: 'building', host: null, launchedAt: null, ...changes } };
}

/** The state with another operation holding it, in this task state. */
function held(state: InstanceState, taskState: TaskState | null): InstanceState {
  if (state.record === null) throw new Error('there is no record');
  return { ...state, record: { ...state.record, taskState }, holder: holderOf(runOf('other'), { type: 'otherInstance' }) };
}

function typeOf(state: InstanceState, action: Action, changes: Parameters<typeof beginning>[0] = {}): string | null {
  return refusalToBegin(state, beginning({ action, ...changes }))?.type ?? null;
}

function alterType(state: InstanceState, action: Action, isAdmin = false): string | null {
  return refusalToAlter(state, { action, by: { ...requester, isAdmin }, changes: {} })?.type ?? null;
}

const requester = { userId: 'user', projectId: 'project', requestId: 'request', isAdmin: false };

const launched = { host: 'cn1', launchedAt: at(5) };

/** What is to be refused to an idle instance in this state. */
function expectedOf({ vmStates: allowed }: Pick<Expected, 'vmStates'>, vmState: VmState): string | null {
  if (vmState === 'deleted') return 'InstanceNotFound';
  return allowed === 'any' || allowed.includes(vmState) ? null : 'InvalidState';
}

test('every action is expected to be as Nova has it', () => {
  expect([...operations, ...alterations].map(([action]) => action).sort()).toEqual(Object.keys(transitions).sort());
});

describe.each(operations)('%s', (action, { vmStates: allowed, during, lock, needsHost }) => {
  const [vmStateOfIts = 'active'] = allowed === 'any' ? [] : allowed;

  test.each(vmStates)('begins on an idle instance that is %s as Nova lets it, else is refused for that', (vmState) => {
    const state = withRecord({ vmState, ...launched });
    const refusal = refusalToBegin(state, beginning({ action }));
    expect(refusal?.type ?? null).toBe(expectedOf({ vmStates: allowed }, vmState));
    if (refusal?.type !== 'InvalidState') return;
    expect(refusal.details).toEqual({ vmState, taskState: null });
    expect(refusal.message).toMatch(new RegExp(`^instance web1 is (in )?${vmState}: \\w.*\\w$`));
  });

  test.each([null, ...taskStates])('is refused as busy while an operation is at %s, and takes it over where Nova does', (taskState) => {
    for (const vmState of vmStates.filter((state) => state !== 'deleted')) {
      const state = held(withRecord({ vmState, ...launched }), taskState);
      expect([vmState, typeOf(state, action)]).toEqual([vmState, 'InstanceBusy']);
      const late = during.includes(taskState) ? expectedOf({ vmStates: allowed }, vmState) : 'InstanceBusy';
      expect([vmState, typeOf(state, action, { takeOver: true })]).toEqual([vmState, late]);
    }
  });

  test('is refused to others than administrators while the instance is locked', () => {
    const locked = withRecord({ vmState: vmStateOfIts, ...launched, locked: { by: 'owner', reason: null } });
    expect(typeOf(locked, action)).toBe(lock === 'any' ? 'InstanceLocked' : null);
    expect(typeOf(locked, action, { isAdmin: true })).toBeNull();
  });

  test('is refused to an instance that was never launched, where it needs its guest', () => {
    expect(typeOf(withRecord({ vmState: vmStateOfIts, host: null, launchedAt: null }), action)).toBe(needsHost ? 'InvalidState' : null);
  });
});

describe.each(alterations)('%s', (action, { vmStates: allowed, lock }) => {
  const [vmStateOfIts = 'active'] = allowed === 'any' ? [] : allowed;

  test.each(vmStates)('is taken by an instance that is %s as Nova lets it, whatever is under way', (vmState) => {
    for (const taskState of [null, ...taskStates]) {
      const state = held(withRecord({ vmState, ...launched }), taskState);
      expect([taskState, alterType(state, action)]).toEqual([taskState, expectedOf({ vmStates: allowed }, vmState)]);
    }
  });

  test.each(['owner', 'admin'])('is refused to others than administrators while the instance is locked by %s, where that counts', (by) => {
    const locked = withRecord({ vmState: vmStateOfIts, locked: { by, reason: null } });
    const counts = lock === 'any' || (lock === 'of an administrator' && by === 'admin');
    expect(alterType(locked, action)).toBe(counts ? 'InstanceLocked' : null);
    expect(alterType(locked, action, true)).toBeNull();
  });
});

test('what is altered beside an operation leaves that as it is', () => {
  const state = held(withRecord({ vmState: 'active', ...launched }), 'pausing');
  const altered = alter(state, { action: 'renameInstance', by: requester, changes: { name: 'web2' } }, at(40));
  expect(altered).toEqual({ ...state, record: { ...state.record, name: 'web2', updatedAt: at(40) } });
});

test('a reclaim begins only while the record waits for that very one', () => {
  const open = { workflowId: 'reclaim/1', runId: 'run', type: 'reclaimInstance', until: at(50) };
  const state = withRecord({ vmState: 'soft-delete', ...launched, open });
  expect(typeOf(state, 'reclaimInstance', { openedBy: 'reclaim/1' })).toBeNull();
  expect(refusalToBegin(state, beginning({ action: 'reclaimInstance', openedBy: 'reclaim/0' }))).toMatchObject({
    type: 'InvalidState',
    message: 'instance web1 does not wait for reclaim/0 any more',
  });
});

test.for<[from: TaskState | null, next: TaskState, isRefused: boolean]>([
  ['image_snapshot_pending', 'image_snapshot', false],
  ['image_snapshot', 'image_pending_upload', false],
  ['image_backup', 'image_pending_upload', false],
  ['image_pending_upload', 'image_uploading', false],
  ['image_uploading', 'image_uploading', false],
  [null, 'image_snapshot', true],
  ['image_uploading', 'image_snapshot', true],
  ['image_snapshot', 'image_uploading', true],
  ['image_uploading', 'image_pending_upload', true],
  ['scheduling', 'spawning', false],
])('an instance at %s goes on to %s: refused %s', ([from, next, isRefused]) => {
  const { record } = withRecord({ vmState: 'active', ...launched, taskState: from });
  const refusal = record === null ? null : refusalToGoOn(next, record);
  expect(refusal?.type ?? null).toBe(isRefused ? 'InvalidState' : null);
});

test.for<[Action, VmState, string]>([
  ['startInstance', 'active', 'instance web1 is active: only one that is stopped can be started'],
  ['stopInstance', 'stopped', 'instance web1 is stopped: start it first'],
  ['pauseInstance', 'suspended', 'instance web1 is suspended: resume it first'],
  ['suspendInstance', 'paused', 'instance web1 is paused: unpause it first'],
  ['pauseInstance', 'error', 'instance web1 is in error: reboot it hard first'],
  ['pauseInstance', 'soft-delete', 'instance web1 is soft-delete: restore it first'],
  ['restoreInstance', 'active', 'instance web1 is active: only one that is soft-delete can be restored'],
  ['stopInstance', 'resized', 'instance web1 is resized: confirm or revert its resize first'],
  ['confirmResize', 'active', 'instance web1 is active: only one that is resized can be confirmed'],
  ['resizeInstance', 'suspended', 'instance web1 is suspended: resume it first'],
  [
    'snapshotInstance',
    'rescued',
    'instance web1 is rescued: only one that is active, stopped, paused or suspended can be made an image of',
  ],
  ['stopInstance', 'building', 'instance web1 is building: only one that is active or in error can be stopped'],
])('%s of one that is %s is refused with what would help', ([action, vmState, message]) => {
  expect(refusalToBegin(withRecord({ vmState, host: 'cn1', launchedAt: at(5) }), beginning({ action }))?.message).toBe(message);
});

test('a locked instance says who locked it and why', () => {
  const state = withRecord({ vmState: 'active', ...launched, locked: { by: 'admin', reason: 'under investigation' } });
  expect(refusalToBegin(state, beginning({ action: 'stopInstance' }))?.message).toBe(
    'instance web1 is locked by an administrator (under investigation): unlock it first',
  );
});
