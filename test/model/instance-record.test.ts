import { describe, expect, test } from 'vitest';
import type { Instance, TaskState, VmState } from '../../src/model/instance.ts';
import {
  abandon,
  type Begin,
  begin,
  type EnterInstance,
  emptyInstance,
  enter,
  type FinishInstance,
  finish,
  type InstanceState,
  refusalForeseen,
  refusalToBegin,
  refusalToEnter,
} from '../../src/model/instance-record.ts';
import type { Run } from '../../src/model/tenure.ts';
import { beginning, made } from './instances.ts';
import { at, runOf } from './tenures.ts';

const build = runOf('build');
const buildReset = runOf('build', 1);
const deletion = runOf('delete');

function toBuild(run: Run = build): Begin {
  return beginning({ run, type: 'buildInstance', taskState: 'scheduling', create: made, isAdmin: true });
}

function toDelete(run: Run = deletion): Begin {
  const asked = { userId: 'admin', taskState: 'deleting', action: 'deleteInstance', isAdmin: true, takeOver: true } as const;
  return beginning({ run, type: 'deleteInstance', ...asked });
}

function toEnter(changes: Partial<EnterInstance> = {}): EnterInstance {
  return { run: build, part: 1, step: 'networking', ...changes };
}

function toFinish(changes: Partial<FinishInstance> = {}): FinishInstance {
  return { run: build, part: 1, end: 'completed', steps: [], changes: { vmState: 'active' }, ...changes };
}

const building = begin(emptyInstance, toBuild(), at(1));
const active = finish(building, toFinish(), at(9));
const deleted = finish(begin(active, toDelete(), at(10)), toFinish({ run: deletion, changes: { vmState: 'deleted' } }), at(12));

function recordOf({ record }: InstanceState): Instance {
  if (record === null) throw new Error('there is no record');
  return record;
}

describe('a build', () => {
  test('makes the record and holds it under generation 1', () => {
    expect(recordOf(building)).toStrictEqual({
      ...made,
      vmState: 'building',
      taskState: 'scheduling',
      powerState: 'nostate',
      host: null,
      disks: [],
      ports: [],
      machineType: null,
      cpuModel: null,
      fault: null,
      operation: {
        workflowId: 'build/1',
        runId: 'build-run',
        type: 'buildInstance',
        userId: 'user',
        requestId: null,
        step: 'accept',
        since: at(1),
      },
      open: null,
      recent: [],
      locked: null,
      taskHistory: [{ taskState: 'scheduling', at: at(1) }],
      generation: 1,
      createdAt: at(1),
      updatedAt: at(1),
      launchedAt: null,
      launchedOn: null,
      deletedAt: null,
    });
    expect(building).toMatchObject({ generation: 1, touched: [] });
  });

  test('that begins again changes nothing', () => {
    expect(refusalToBegin(building, toBuild())).toBeNull();
    expect(begin(building, toBuild(), at(5))).toBe(building);
  });

  test('that was reset goes on under a new generation, its task history as it was', () => {
    expect(refusalToBegin(building, toBuild(buildReset))).toBeNull();
    const next = begin(building, toBuild(buildReset), at(5));
    expect(recordOf(next)).toMatchObject({ generation: 2, operation: { runId: 'build-run-reset-1', since: at(1) }, updatedAt: at(5) });
    expect(recordOf(next).taskHistory).toStrictEqual([{ taskState: 'scheduling', at: at(1) }]);
  });
});

const undoing = enter(building, toEnter({ undoing: true }), at(2));
const stoppedByOther: Begin = { ...toDelete(runOf('stop')), type: 'stopInstance', action: 'stopInstance', takeOver: false };

/** By the words of the test's name: the state, the message, and type and sentence of the refusal, or null. */
const beginnings: readonly [string, InstanceState, Begin, [string, string] | null][] = [
  ['a build of an id that is free begins', emptyInstance, toBuild(), null],
  [
    'a build of an id that is taken is refused',
    active,
    toBuild(runOf('second')),
    ['InstanceExists', `instance ${made.id} exists already: leave instanceId out, or choose another`],
  ],
  [
    'a build of an id that was deleted is refused',
    deleted,
    toBuild(runOf('second')),
    ['InstanceExists', `instance ${made.id} exists already: leave instanceId out, or choose another`],
  ],
  ['a delete of what was never built is refused', emptyInstance, toDelete(), ['InstanceNotFound', 'the instance was never built']],
  ['a delete of an active instance begins', active, toDelete(), null],
  ['a delete takes a build’s instance over', building, toDelete(), null],
  [
    'a second delete is refused while the first runs',
    begin(active, toDelete(), at(10)),
    toDelete(runOf('second')),
    ['InstanceBusy', `instance web1 is held by deleteInstance since ${at(10)} (accept): wait for delete/1, or cancel it`],
  ],
  ['a second delete is refused after the first', deleted, toDelete(runOf('second')), ['InstanceNotFound', 'instance web1 is deleted']],
  [
    'another operation is refused while a build runs',
    building,
    stoppedByOther,
    ['InstanceBusy', `instance web1 is held by buildInstance since ${at(1)} (accept): wait for build/1, or cancel it`],
  ],
  [
    'a reset of a build that ended is refused',
    active,
    toBuild(buildReset),
    ['ResetRefused', 'this buildInstance has ended or begun to undo: start a new one'],
  ],
  [
    'a late retry of a delete that ended is refused',
    deleted,
    toDelete(),
    ['ResetRefused', 'this deleteInstance has ended or begun to undo: start a new one'],
  ],
  [
    'a reset of a build that undoes is refused',
    undoing,
    toBuild(buildReset),
    ['ResetRefused', 'this buildInstance has ended or begun to undo: start a new one'],
  ],
  ['the second part of an operation takes the instance again', active, { ...toDelete(build), part: 2 }, null],
];

test.for(beginnings)('%s', ([, state, message, expected]) => {
  const refused = refusalToBegin(state, message);
  expect(refused === null ? null : [refused.type, refused.message]).toStrictEqual(expected);
});

test('a refusal as busy says who holds the instance', () => {
  expect(refusalToBegin(building, stoppedByOther)?.details).toStrictEqual({
    operation: {
      workflowId: 'build/1',
      runId: 'build-run',
      type: 'buildInstance',
      userId: 'user',
      requestId: null,
      step: 'accept',
      since: at(1),
    },
  });
});

test('a delete that takes over starts a task history and a generation of its own, and keeps what the build touched', () => {
  const touching = enter(building, toEnter({ touches: ['host/cn1', 'network/default'] }), at(2));
  const next = begin(touching, toDelete(), at(3));
  expect(next).toMatchObject({ generation: 2, touched: ['host/cn1', 'network/default'] });
  expect(recordOf(next)).toMatchObject({
    vmState: 'building',
    taskState: 'deleting',
    taskHistory: [{ taskState: 'deleting', at: at(3) }],
    generation: 2,
    operation: { type: 'deleteInstance' },
    createdAt: at(1),
  });
});

describe('an operation that moves on', () => {
  test('tells its step, and its task state is written into the history once', () => {
    const networking = enter(building, toEnter({ changes: { taskState: 'networking' } }), at(2));
    const again = enter(networking, toEnter({ changes: { taskState: 'networking' } }), at(3));
    const between = enter(again, toEnter({ step: 'claim', changes: { taskState: null, host: 'cn1' } }), at(4));
    expect(recordOf(between)).toMatchObject({
      taskState: null,
      host: 'cn1',
      generation: 1,
      operation: { step: 'claim' },
      updatedAt: at(4),
    });
    expect(recordOf(between).taskHistory).toStrictEqual([
      { taskState: 'scheduling', at: at(1) },
      { taskState: 'networking', at: at(2) },
      { taskState: null, at: at(4) },
    ]);
  });

  test('is not taken back by what an attempt says that woke late', () => {
    const networking = enter(building, toEnter({ order: 1, changes: { taskState: 'networking' } }), at(2));
    const spawning = enter(networking, toEnter({ order: 3, step: 'spawning', changes: { taskState: 'spawning' } }), at(3));
    const late = toEnter({ order: 1, changes: { taskState: 'networking' } });
    expect(refusalToEnter(spawning, late)).toBeNull();
    expect(enter(spawning, late, at(4))).toBe(spawning);
    const repeated = enter(spawning, toEnter({ order: 3, step: 'spawning', changes: { taskState: 'spawning' } }), at(4));
    expect(recordOf(repeated)).toMatchObject({ taskState: 'spawning', updatedAt: at(4) });
  });

  test('as a reset run counts its messages anew', () => {
    const spawning = enter(building, toEnter({ order: 9, changes: { taskState: 'spawning' } }), at(2));
    const reset = enter(spawning, toEnter({ run: buildReset, order: 1, changes: { taskState: 'networking' } }), at(3));
    expect(recordOf(reset)).toMatchObject({ taskState: 'networking', generation: 2 });
  });

  test('keeps what it touched until it says otherwise', () => {
    const touching = enter(building, toEnter({ touches: ['host/cn1'] }), at(2));
    expect(enter(touching, toEnter(), at(3)).touched).toStrictEqual(['host/cn1']);
    expect(enter(touching, toEnter({ touches: [] }), at(3)).touched).toStrictEqual([]);
  });

  test('under which its own earlier steps are stale has a new generation and the same run, and no reset of it may go on', () => {
    const superseding = enter(building, toEnter({ undoing: true, supersedes: true, changes: { host: null } }), at(2));
    expect(superseding).toMatchObject({
      generation: 2,
      holder: { runId: build.runId, undoing: true },
      record: { generation: 2, host: null },
    });
    expect(refusalToEnter(superseding, toEnter())).toBeNull();
    expect(refusalToEnter(superseding, toEnter({ run: buildReset }))).toMatchObject({ type: 'ResetRefused' });
  });

  test('as a reset run goes on under a new generation, and the run it was made from is refused', () => {
    const next = enter(building, toEnter({ run: buildReset }), at(2));
    expect(recordOf(next)).toMatchObject({ generation: 2, operation: { runId: 'build-run-reset-1', step: 'networking' } });
    expect(refusalToEnter(next, toEnter({ run: buildReset }))).toBeNull();
    expect(refusalToEnter(next, toEnter({ run: build }))?.type).toBe('ResetRefused');
  });

  test.for<[string, InstanceState, EnterInstance, string | null]>([
    ['that holds the instance is heard', building, toEnter(), null],
    ['that begins to undo is heard', building, toEnter({ undoing: true }), null],
    ['that undoes is heard', undoing, toEnter(), null],
    [
      'that was reset while it undid is refused',
      undoing,
      toEnter({ run: buildReset }),
      'this operation has ended or begun to undo: start a new one',
    ],
    ['that let go is refused', active, toEnter(), 'this operation has ended or begun to undo: start a new one'],
    ['that never began is refused', active, toEnter({ run: runOf('other') }), 'this operation has ended or begun to undo: start a new one'],
    [
      'that a delete took the instance from is refused',
      begin(building, toDelete(), at(2)),
      toEnter(),
      'the instance was taken over by deleteInstance (delete/1)',
    ],
  ])('%s', ([, state, message, expected]) => {
    const refused = refusalToEnter(state, message);
    expect(refused?.message ?? null).toBe(expected);
    expect(refused?.type ?? 'ResetRefused').toBe('ResetRefused');
  });
});

describe('an operation that lets go', () => {
  const steps = [{ name: 'createDisks', host: 'cn1', durationMs: 12 }];

  test('leaves the record free, without a task state, and its end remembered', () => {
    const next = finish(building, toFinish({ steps, changes: { vmState: 'active', powerState: 'running' } }), at(9));
    expect(next).toMatchObject({ holder: null, generation: 1, ended: [{ firstRunId: 'build-run', part: 1 }] });
    expect(recordOf(next)).toMatchObject({ vmState: 'active', powerState: 'running', taskState: null, operation: null, deletedAt: null });
    expect(recordOf(next).taskHistory).toStrictEqual([
      { taskState: 'scheduling', at: at(1) },
      { taskState: null, at: at(9) },
    ]);
    expect(recordOf(next).recent).toStrictEqual([
      {
        workflowId: 'build/1',
        runId: 'build-run',
        type: 'buildInstance',
        userId: 'user',
        requestId: null,
        startedAt: at(1),
        endedAt: at(9),
        end: 'completed',
        failure: null,
        steps,
      },
    ]);
  });

  test('again changes nothing', () => {
    expect(finish(active, toFinish({ end: 'failed', changes: { vmState: 'error' } }), at(20))).toBe(active);
  });

  test('late, after a delete took the instance over, changes nothing', () => {
    const taken = begin(building, toDelete(), at(2));
    expect(finish(taken, toFinish({ end: 'cancelled', changes: { vmState: 'deleted' } }), at(3))).toBe(taken);
    expect(finish(deleted, toFinish({ end: 'failed', changes: { vmState: 'error' } }), at(20))).toBe(deleted);
  });

  test('of nothing changes nothing', () => {
    expect(finish(emptyInstance, toFinish(), at(1))).toBe(emptyInstance);
  });

  test('as a reset run is remembered by that run', () => {
    expect(recordOf(finish(building, toFinish({ run: buildReset }), at(9))).recent).toMatchObject([{ runId: 'build-run-reset-1' }]);
  });

  test('with nothing left anywhere says so', () => {
    const touching = enter(building, toEnter({ touches: ['host/cn1'] }), at(2));
    expect(finish(touching, toFinish(), at(9)).touched).toStrictEqual(['host/cn1']);
    expect(finish(touching, toFinish({ touches: [] }), at(9)).touched).toStrictEqual([]);
  });

  test('of a deleted instance notes when', () => {
    expect(recordOf(deleted)).toMatchObject({ vmState: 'deleted', deletedAt: at(12), launchedAt: null });
  });
});

test('the generation grows with each operation that takes the instance, and with nothing else', () => {
  const generations = [building, enter(building, toEnter(), at(2)), active, begin(active, toDelete(), at(10)), deleted].map((state) => [
    state.generation,
    recordOf(state).generation,
  ]);
  expect(generations).toStrictEqual([
    [1, 1],
    [1, 1],
    [1, 1],
    [2, 2],
    [2, 2],
  ]);
});

test('a record keeps its last 20 operations, the newest last', () => {
  const last = Array.from({ length: 25 }, (_, index) => runOf(`operation-${index}`)).reduce(
    (state, run) => finish(begin(state, { ...toDelete(run), taskState: 'spawning' }, at(10)), toFinish({ run }), at(11)),
    active,
  );
  expect(recordOf(last).recent).toHaveLength(20);
  expect(recordOf(last).recent[0]?.workflowId).toBe('operation-5/1');
  expect(recordOf(last).recent[19]?.workflowId).toBe('operation-24/1');
});

test('a reason that was given is shown while the operation holds the instance, and afterwards', () => {
  const reasoned = begin(active, { ...toDelete(), taskState: 'spawning', reason: 'slower than before' }, at(10));
  expect(recordOf(reasoned).operation).toMatchObject({ reason: 'slower than before' });
  const { run } = toDelete();
  expect(recordOf(finish(reasoned, toFinish({ run }), at(11))).recent.at(-1)).toMatchObject({ reason: 'slower than before' });
  expect(recordOf(begin(active, toDelete(), at(10))).operation).not.toHaveProperty('reason');
});

describe('an operation that was terminated', () => {
  const spawning = enter(building, toEnter({ step: 'spawning', touches: ['host/cn1'], changes: { taskState: 'spawning' } }), at(4));
  const abandoned = abandon(spawning, 'terminated', at(6));

  test('leaves the instance in error, with what happened at which step, and free', () => {
    expect(abandoned).toMatchObject({ holder: null, ended: [{ firstRunId: 'build-run', part: 1 }] });
    expect(recordOf(abandoned)).toMatchObject({
      vmState: 'error',
      taskState: null,
      operation: null,
      recent: [{ end: 'terminated', endedAt: at(6), steps: [] }],
      fault: {
        type: 'Terminated',
        message: 'buildInstance was terminated at step spawning: delete the instance, or look at build/1',
        at: at(6),
        operation: { workflowId: 'build/1', runId: 'build-run', type: 'buildInstance' },
      },
    });
  });

  test('leaves a new generation and the list of what it touched', () => {
    expect(abandoned).toMatchObject({ generation: 2, record: { generation: 2 }, touched: ['host/cn1'] });
  });

  test('can act no more', () => {
    expect(refusalToEnter(abandoned, toEnter())?.type).toBe('ResetRefused');
    expect(refusalToBegin(abandoned, toBuild(buildReset))?.type).toBe('ResetRefused');
    expect(finish(abandoned, toFinish(), at(8))).toBe(abandoned);
  });

  test('leaves an instance that can be deleted', () => {
    expect(refusalToBegin(abandoned, toDelete())).toBeNull();
  });

  test('after it let go changes nothing', () => {
    expect(abandon(active, 'terminated', at(20))).toBe(active);
  });
});

describe('the order of task states', () => {
  const shot = runOf('snapshot');
  const taken = begin(
    { ...active, record: { ...recordOf(active), host: 'cn1', launchedAt: at(8) } },
    { ...toDelete(shot), type: 'snapshotInstance', action: 'snapshotInstance', taskState: 'image_snapshot_pending', takeOver: false },
    at(20),
  );
  const to = (taskState: TaskState, run = shot) => toEnter({ run, step: taskState, changes: { taskState } });

  test('is kept by the record: a state that another comes before is refused', () => {
    expect(refusalToEnter(taken, to('image_snapshot'))).toBeNull();
    expect(refusalToEnter(taken, to('image_uploading'))).toMatchObject({
      type: 'InvalidState',
      message: 'instance web1 goes to image_uploading from image_pending_upload, not from image_snapshot_pending',
    });
  });

  test('begins anew for a run that a reset made', () => {
    const late = enter(enter(taken, to('image_snapshot'), at(21)), to('image_pending_upload'), at(22));
    expect(refusalToEnter(late, to('image_snapshot'))?.type).toBe('InvalidState');
    const reset = runOf('snapshot', 1);
    expect(refusalToEnter(late, to('image_snapshot', reset))).toBeNull();
    const again = enter(late, to('image_snapshot', reset), at(23));
    expect(refusalToEnter(again, to('image_snapshot', reset))).toBeNull();
  });
});

test.for<[what: string, operation: string | null, vmState: VmState, isAdmin: boolean, expected: string | null]>([
  ['one that may be taken', null, 'active', false, null],
  ['one that this very operation holds', 'snapshot/1', 'active', false, null],
  ['one that another operation holds', 'stop/1', 'active', false, 'InstanceBusy'],
  ['one in a state that refuses', null, 'rescued', false, 'InvalidState'],
])('what is to be refused is foreseen: %s', ([, workflowId, vmState, isAdmin, expected]) => {
  const operation = workflowId === null ? null : { workflowId, runId: 'run', type: 'stopInstance', step: 'stop', since: at(1) };
  const record = { ...recordOf(active), host: 'cn1', launchedAt: at(8), vmState, operation };
  const by = { userId: 'user', projectId: 'project', requestId: 'request', isAdmin };
  expect(refusalForeseen('snapshotInstance', record, by, 'snapshot/1')?.type ?? null).toBe(expected);
});
