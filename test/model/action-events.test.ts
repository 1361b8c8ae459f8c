import { describe, expect, test } from 'vitest';
import { actionEvents, eventOf, stagesBetween } from '../../src/model/action-events.ts';
import { requests } from '../../src/schema/request.ts';

const first = { part: 1, firstTaskState: null };

describe('the events of an operation', () => {
  test.for([
    ['buildInstance', 'create'],
    ['deleteInstance', 'delete'],
    ['softDeleteInstance', 'soft_delete'],
    ['restoreInstance', 'restore'],
    ['startInstance', 'power_on'],
    ['stopInstance', 'power_off'],
    ['rebootInstance', 'reboot'],
    ['pauseInstance', 'pause'],
    ['unpauseInstance', 'unpause'],
    ['suspendInstance', 'suspend'],
    ['resumeInstance', 'resume'],
    ['rescueInstance', 'rescue'],
    ['unrescueInstance', 'unrescue'],
    ['rebuildInstance', 'rebuild'],
    ['shelveInstance', 'shelve'],
    ['unshelveInstance', 'unshelve'],
    ['snapshotInstance', 'snapshot'],
    ['backupInstance', 'snapshot'],
    ['triggerCrashDump', 'trigger_crash_dump'],
    ['attachVolume', 'volume.attach'],
    ['renameInstance', 'rename'],
  ] as const)('%s is told as compute.instance.%s', ([type, action]) => {
    const names = (['start', 'end', 'error'] as const).map((phase) => eventOf({ ...first, type }, phase));
    expect(names).toEqual(['start', 'end', 'error'].map((phase) => `compute.instance.${action}.${phase}`));
  });

  test('are the odd ones that Nova has for a live migration', () => {
    const names = (['start', 'end', 'error'] as const).map((phase) => eventOf({ ...first, type: 'liveMigrateInstance' }, phase));
    expect(names).toEqual([
      'compute.instance.live_migration.pre.start',
      'compute.instance.live_migration._post.end',
      'compute.instance.live_migration._rollback.end',
    ]);
  });

  test.for(['resizeInstance', 'migrateInstance'])('%s begins with the first stage that Nova tells of it and ends with the last', (type) => {
    const names = (['start', 'end', 'error'] as const).map((phase) => eventOf({ ...first, type }, phase));
    expect(names).toEqual(['compute.instance.resize.prep.start', 'compute.instance.finish_resize.end', 'compute.instance.resize.error']);
  });

  test('are those of a stage where one begins or ends', () => {
    const names = (['start', 'end'] as const).map((phase) => eventOf({ ...first, type: 'resizeInstance', stage: 'resize' }, phase));
    expect(names).toEqual(['compute.instance.resize.start', 'compute.instance.resize.end']);
  });

  test.for([
    ['resize_reverting', 'compute.instance.resize.revert.start'],
    [null, 'compute.instance.resize.confirm.start'],
  ] as const)('are its own for the half of a resize that begins with the task state %s', ([firstTaskState, name]) => {
    expect(eventOf({ type: 'resizeInstance', part: 2, firstTaskState }, 'start')).toBe(name);
  });

  test('are named for the operation when the table does not know it', () => {
    expect(eventOf({ ...first, type: 'teleportInstance' }, 'end')).toBe('compute.instance.teleportInstance.end');
  });
});

describe('a change of the task state', () => {
  test.for([
    ['resize_prep', 'resize_migrating', 'resize.prep', 'resize'],
    ['resize_migrating', 'resize_migrated', 'resize', null],
    ['resize_migrating', 'resize_finish', 'resize', 'finish_resize'],
    ['resize_migrated', 'resize_finish', null, 'finish_resize'],
    ['resize_finish', 'resize_finish', null, null],
    ['resize_finish', 'resize_migrating', null, 'resize'],
    ['resize_finish', null, null, null],
  ] as const)('of a resize from %s to %s ends the stage %s and begins %s', ([from, to, ended, begun]) => {
    expect(stagesBetween({ type: 'resizeInstance', part: 1 }, from, to)).toEqual({ ended, begun });
  });

  test.for([
    ['buildInstance', 1, 'networking', 'spawning'],
    ['resizeInstance', 2, null, 'resize_reverting'],
  ] as const)('is no stage of %s in its part %d', ([type, part, from, to]) => {
    expect(stagesBetween({ type, part }, from, to)).toEqual({ ended: null, begun: null });
  });
});

test('the table knows every operation of the contract', () => {
  expect(Object.keys(requests).filter((type) => !(type in actionEvents))).toEqual([]);
});
