import { describe, expect, test } from 'vitest';
import { eventOf } from '../../src/model/action-events.ts';
import { notifying, notifyingAlteration, notifyingAsBefore, notifyingAsBegun } from '../../src/model/instance-notifications.ts';
import {
  abandon,
  alter,
  type Begin,
  begin,
  emptyInstance,
  enter,
  type FinishInstance,
  finish,
  type InstanceState,
  type NewInstance,
} from '../../src/model/instance-record.ts';
import type { NotificationPolicy, StateReport } from '../../src/model/notification.ts';
import { at, runOf } from './tenures.ts';

const all: NotificationPolicy = { stateReport: 'vm_and_task_state', sinks: ['log'] };
const record = { begin: notifying(begin), enter: notifying(enter), finish: notifying(finish), abandon: notifyingAsBefore(abandon) };
const build = runOf('build');
const deletion = runOf('delete');
const by = { userId: 'ada', projectId: 'engine', requestId: 'req-1', isAdmin: false };

const made: NewInstance = {
  id: '7d9f0e0c-0000-4000-8000-000000000001',
  name: 'web1',
  projectId: 'engine',
  userId: 'ada',
  flavor: { name: 'm1.tiny', vcpus: 1, memoryMiB: 512, rootGiB: 1, ephemeralGiB: 0, swapMiB: 0, extraSpecs: { note: 'canary' } },
  image: 'image',
  availabilityZone: null,
  metadata: { password: 'canary' },
};
const toBuild: Begin = {
  run: build,
  type: 'buildInstance',
  part: 1,
  userId: 'ada',
  taskState: 'scheduling',
  create: made,
  takeOver: false,
  isAdmin: false,
  by,
};
const toDelete: Begin = { ...toBuild, run: deletion, type: 'deleteInstance', taskState: 'deleting', create: null, takeOver: true };

/** A build from `begin` to `finish` with what each message tells. */
function built(notify: NotificationPolicy | null): InstanceState {
  const told = notify === null ? {} : { notify };
  let state = record.begin(emptyInstance, { ...toBuild, ...told }, at(1));
  for (const taskState of [null, 'networking', 'block_device_mapping', 'spawning'] as const) {
    state = record.enter(state, { run: build, part: 1, step: `${taskState}`, changes: { taskState }, ...told }, at(2));
  }
  return record.finish(state, { run: build, part: 1, end: 'completed', steps: [], changes: { vmState: 'active' }, ...told }, at(9));
}

const said = ({ outbox }: InstanceState) => (outbox?.waiting ?? []).map(({ phase, operation }) => `${operation?.type} ${phase}`);
const states = ({ outbox }: InstanceState) =>
  (outbox?.waiting ?? []).filter(({ phase }) => phase === 'update').map(({ instance }) => [instance.vmState, instance.taskState]);

test('what a host says of an operation, which knows no policy, is told as the operation began', () => {
  const carried = notifyingAsBegun(enter);
  const word = { run: build, part: 1, step: 'networking', changes: { taskState: 'networking' } } as const;
  expect(states(carried(record.begin(emptyInstance, { ...toBuild, notify: all }, at(1)), word, at(2))).at(-1)).toStrictEqual([
    'building',
    'networking',
  ]);
  expect(states(carried(record.begin(emptyInstance, toBuild, at(1)), word, at(2)))).toStrictEqual([]);
});

describe('a build', () => {
  test.for<readonly [StateReport, number]>([
    ['none', 0],
    ['vm_state', 2],
    ['vm_and_task_state', 6],
  ])('tells its start and its end, and with %s %d updates', ([stateReport, updates]) => {
    const told = said(built({ ...all, stateReport }));
    expect([told.at(0), told.at(-1)]).toEqual(['buildInstance start', 'buildInstance end']);
    expect(told.filter((one) => one.endsWith('update'))).toHaveLength(updates);
  });

  test('tells each of its states as it is saved', () => {
    expect(states(built(all))).toEqual([
      ['building', 'scheduling'],
      ['building', null],
      ['building', 'networking'],
      ['building', 'block_device_mapping'],
      ['building', 'spawning'],
      ['active', null],
    ]);
  });

  test('tells nothing when there is nobody to tell', () => {
    expect(built(null).outbox).toBeUndefined();
    expect(built({ ...all, sinks: [] }).outbox).toBeUndefined();
  });

  test('tells who asked, and nothing that a tenant may keep secrets in', () => {
    const { outbox } = built(all);
    expect(outbox?.waiting[0]?.operation).toEqual({
      workflowId: 'build/1',
      runId: 'build-run',
      type: 'buildInstance',
      part: 1,
      firstTaskState: 'scheduling',
      userId: 'ada',
      requestId: 'req-1',
      startedAt: at(1),
    });
    expect(JSON.stringify(outbox)).not.toContain('canary');
  });

  test('tells nothing again when a message is repeated, and no second start when it was reset', () => {
    const begun = record.begin(emptyInstance, { ...toBuild, notify: all }, at(1));
    const repeated = record.begin(begun, { ...toBuild, notify: all }, at(2));
    const reset = record.begin(repeated, { ...toBuild, run: runOf('build', 1), notify: all }, at(3));
    expect(said(reset)).toEqual(['buildInstance start', 'buildInstance update']);
    const done = built(all);
    expect(said(record.finish(done, { run: build, part: 1, end: 'completed', steps: [], changes: {}, notify: all }, at(10)))).toEqual(
      said(done),
    );
  });
});

describe('a resize', () => {
  const resize = runOf('resize');
  const names = ({ outbox }: InstanceState) =>
    (outbox?.waiting ?? []).map((one) =>
      one.phase === 'update' || one.operation === null ? 'update' : eventOf(one.operation, one.phase).slice('compute.instance.'.length),
    );

  /** From where an instance was built, which told nobody, to where the resize ends as it is asked. */
  function resized(notify: NotificationPolicy, finish: Pick<FinishInstance, 'end' | 'failure' | 'changes'>): InstanceState {
    const told = { run: resize, part: 1, notify };
    const create = null;
    let state = record.begin(built(null), { ...toBuild, ...told, type: 'resizeInstance', taskState: 'resize_prep', create }, at(11));
    for (const taskState of ['resize_migrating', 'resize_migrated', 'resize_finish'] as const) {
      state = record.enter(state, { ...told, step: taskState, changes: { taskState } }, at(12));
    }
    return record.finish(state, { ...told, steps: [], ...finish }, at(19));
  }
  const well = { end: 'completed', changes: { vmState: 'resized' } } as const;
  const between = ['resize.prep.end', 'resize.start', 'resize.end', 'finish_resize.start'];

  test.for<readonly [StateReport, readonly string[]]>([
    ['none', ['resize.prep.start', ...between, 'finish_resize.end']],
    [
      'vm_and_task_state',
      [
        ...['resize.prep.start', 'update', 'update', 'resize.prep.end', 'resize.start', 'update', 'resize.end'],
        ...['update', 'finish_resize.start', 'update', 'finish_resize.end'],
      ],
    ],
  ])('is told in the stages of Nova, with %s between its changes of states', ([stateReport, told]) => {
    expect(names(resized({ ...all, stateReport, tellsStages: true }, well))).toEqual(told);
  });

  test('that fails tells an error instead of the end of the stage that it was in', () => {
    const failure = { type: 'NoValidHost', message: 'no host' };
    const failed = resized({ ...all, stateReport: 'none', tellsStages: true }, { end: 'failed', failure, changes: {} });
    expect(names(failed)).toEqual(['resize.prep.start', ...between, 'resize.error']);
  });

  test('whose messages come from a worker that knows no stages tells its start and its end', () => {
    expect(names(resized({ ...all, stateReport: 'none' }, well))).toEqual(['resize.prep.start', 'finish_resize.end']);
  });
});

test.for([
  ['failed', { type: 'NoValidHost', message: 'no host' }],
  ['cancelled', { type: 'Cancelled', message: 'buildInstance was cancelled' }],
] as const)('an operation that %s tells an error with its reason', ([end, failure]) => {
  const begun = record.begin(emptyInstance, { ...toBuild, notify: all }, at(1));
  const over = record.finish(begun, { run: build, part: 1, end, steps: [], failure, changes: { vmState: 'error' }, notify: all }, at(2));
  expect(said(over).slice(-2)).toEqual(['buildInstance update', 'buildInstance error']);
  expect(over.outbox?.waiting.at(-1)?.failure).toEqual(failure);
});

test('an operation that was terminated tells an error, as its last message told', () => {
  const begun = record.begin(emptyInstance, { ...toBuild, notify: all }, at(1));
  const abandoned = record.abandon(begun, 'terminated', at(5));
  expect(said(abandoned).at(-1)).toBe('buildInstance error');
  expect(abandoned.outbox?.waiting.at(-1)?.failure?.type).toBe('Terminated');
});

test('a delete that takes an instance over tells the end of the one that lost it, then its own start', () => {
  const begun = record.begin(emptyInstance, { ...toBuild, notify: all }, at(1));
  const taken = record.begin(begun, { ...toDelete, notify: all }, at(5));
  expect(said(taken).slice(2)).toEqual(['buildInstance error', 'deleteInstance start', 'deleteInstance update']);
  expect(taken.outbox?.waiting[2]).toMatchObject({ failure: { type: 'TakenOver' }, operation: { runId: 'build-run' } });
  expect(taken.record?.recent).toMatchObject([{ type: 'buildInstance', end: 'terminated', failure: { type: 'TakenOver' } }]);
});

test('what alters the record alone is told as an action that begins and ends, and as an update, once however often it comes', () => {
  const run = { workflowId: 'rename/1', runId: 'rename-run' };
  const message = { action: 'renameInstance', by, changes: { name: 'web2' }, run, notify: all } as const;
  const rename = notifyingAlteration(alter);
  const altered = rename(built(all), message, at(20));
  expect(said(altered).slice(-3)).toEqual(['renameInstance start', 'renameInstance update', 'renameInstance end']);
  expect(altered.outbox?.waiting.at(-1)).toMatchObject({
    operation: { ...run, userId: 'ada', requestId: 'req-1' },
    instance: { name: 'web2' },
  });
  expect(altered.record?.recent.at(-1)).toMatchObject({
    ...run,
    type: 'renameInstance',
    userId: 'ada',
    startedAt: at(20),
    end: 'completed',
  });

  const again = rename(altered, message, at(21));
  expect([said(again), again.record?.recent]).toEqual([said(altered), altered.record?.recent]);
  expect(said(rename(built(all), { ...message, notify: { ...all, stateReport: 'none' } }, at(20))).slice(-2)).toEqual([
    'renameInstance start',
    'renameInstance end',
  ]);
});

test('an alteration of a release before is not remembered', () => {
  const before = built(all);
  const altered = notifyingAlteration(alter)(before, { action: 'lockInstance', by, changes: { locked: null } }, at(20));
  expect([altered.record?.recent, altered.outbox]).toEqual([before.record?.recent, before.outbox]);
});
