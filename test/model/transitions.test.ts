import { describe, expect, test } from 'vitest';
import { type Instance, type TaskState, taskStates, type VmState, vmStates } from '../../src/model/instance.ts';
import { type Begin, begin, emptyInstance, finish, type InstanceState, refusalToBegin } from '../../src/model/instance-record.ts';
import type { Action } from '../../src/model/transitions.ts';
import { at, holderOf, runOf } from './tenures.ts';

/** What Nova says of an action (the decorators of `nova/compute/api.py`), typed from there: not from our table. */
interface Expected {
  readonly vmStates: 'any' | readonly VmState[];
  /** Beside nothing. */
  readonly during: 'any' | readonly TaskState[];
  readonly respectsLock: boolean;
  readonly needsHost: boolean;
}

const idleOn = (...states: readonly VmState[]): Expected => ({ vmStates: states, during: [], respectsLock: true, needsHost: true });

const expected: Readonly<Record<Action, Expected>> = {
  startInstance: idleOn('stopped'),
  stopInstance: idleOn('active', 'error'),
  // A delete that runs is not taken over by another: the contract.
  deleteInstance: { vmStates: 'any', during: 'any', respectsLock: true, needsHost: false },
};

const actions = Object.keys(expected) as Action[];
const now = at(30);

const made = {
  id: '7d9f0e0c-0000-4000-8000-000000000001',
  name: 'web1',
  projectId: 'project',
  userId: 'user',
  flavor: { name: 'm1.tiny', vcpus: 1, memoryMiB: 512, rootGiB: 1, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} },
  image: 'image',
  availabilityZone: null,
  metadata: {},
};

const running = withRecord({ vmState: 'active', host: 'cn1', launchedAt: at(5) });

function withRecord(changes: Partial<Instance>): InstanceState {
  const build = runOf('build');
  const building = begin(emptyInstance, beginning({ run: build, type: 'buildInstance', taskState: 'scheduling', create: made }), at(1));
  const state = finish(building, { run: build, part: 1, end: 'completed', steps: [], changes: {} }, at(9));
  if (state.record === null) throw new Error('the build made no record');
  return { ...state, record: { ...state.record, ...changes } };
}

function beginning(changes: Partial<Begin>): Begin {
  return {
    run: runOf('new'),
    type: 'new',
    part: 1,
    userId: 'user',
    taskState: null,
    create: null,
    isAdmin: false,
    takeOver: false,
    ...changes,
  };
}

/** The state with another operation holding it, in this task state. */
function held(state: InstanceState, taskState: TaskState | null): InstanceState {
  if (state.record === null) throw new Error('there is no record');
  return { ...state, record: { ...state.record, taskState }, holder: holderOf(runOf('other'), { type: 'otherInstance' }) };
}

function typeOf(state: InstanceState, action: Action, changes: Partial<Begin> = {}): string | null {
  return refusalToBegin(state, beginning({ action, ...changes }))?.type ?? null;
}

describe.each(actions)('%s', (action) => {
  const { vmStates: allowed, during, respectsLock, needsHost } = expected[action];

  test.each(vmStates)('begins on an idle instance that is %s as Nova lets it, else is refused for that', (vmState) => {
    const state = withRecord({ vmState, host: 'cn1', launchedAt: at(5) });
    const refusal = refusalToBegin(state, beginning({ action }));
    if (vmState === 'deleted') {
      expect(refusal?.type).toBe('InstanceNotFound');
    } else if (allowed === 'any' || allowed.includes(vmState)) {
      expect(refusal).toBeNull();
    } else {
      expect(refusal).toMatchObject({ type: 'InvalidState', details: { vmState, taskState: null } });
      expect(refusal?.message).toMatch(new RegExp(`^instance web1 is (in )?${vmState}: \\w.*\\w$`));
    }
  });

  test.each([null, ...taskStates])(
    'is refused as busy while another operation is at %s, and takes it over where Nova does',
    (taskState) => {
      const mayTakeOver =
        during === 'any' ? taskState !== 'deleting' : during.length > 0 && (taskState === null || during.includes(taskState));
      for (const vmState of vmStates.filter((state) => state !== 'deleted')) {
        const state = held(withRecord({ vmState, host: 'cn1', launchedAt: at(5) }), taskState);
        expect([vmState, typeOf(state, action)]).toEqual([vmState, 'InstanceBusy']);
        const isAllowed = allowed === 'any' || allowed.includes(vmState);
        const late = mayTakeOver ? (isAllowed ? null : 'InvalidState') : 'InstanceBusy';
        expect([vmState, typeOf(state, action, { takeOver: true })]).toEqual([vmState, late]);
      }
    },
  );

  test('is refused to others than administrators while the instance is locked, where Nova does', () => {
    const [vmState = 'active'] = allowed === 'any' ? [] : allowed;
    const locked = withRecord({ vmState, host: 'cn1', launchedAt: at(5), locked: { by: 'owner', reason: 'keep' } });
    expect(typeOf(locked, action)).toBe(respectsLock ? 'InstanceLocked' : null);
    expect(typeOf(locked, action, { isAdmin: true })).toBeNull();
  });

  test('is refused to an instance that was never launched, where it needs its guest', () => {
    const [vmState = 'active'] = allowed === 'any' ? [] : allowed;
    expect(typeOf(withRecord({ vmState, host: null, launchedAt: null }), action)).toBe(needsHost ? 'InvalidState' : null);
  });
});

test.for<[Action, VmState, string]>([
  ['startInstance', 'active', 'instance web1 is active: only one that is stopped can be started'],
  ['stopInstance', 'stopped', 'instance web1 is stopped: start it first'],
  ['stopInstance', 'building', 'instance web1 is building: only one that is active or in error can be stopped'],
])('%s of one that is %s is refused with what would help', ([action, vmState, message]) => {
  expect(refusalToBegin(withRecord({ vmState, host: 'cn1', launchedAt: now }), beginning({ action }))?.message).toBe(message);
});

test('a locked instance says who locked it and why', () => {
  const state = withRecord({ ...running.record, locked: { by: 'admin', reason: 'under investigation' } });
  expect(refusalToBegin(state, beginning({ action: 'stopInstance' }))?.message).toBe(
    'instance web1 is locked by admin (under investigation): unlock it first',
  );
});
