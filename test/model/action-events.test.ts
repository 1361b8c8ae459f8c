import { describe, expect, test } from 'vitest';
import { actionEvents, eventOf } from '../../src/model/action-events.ts';
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
    ['resizeInstance', 'resize'],
    ['migrateInstance', 'resize'],
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

test('the table knows every operation of the contract', () => {
  expect(Object.keys(requests).filter((type) => !(type in actionEvents))).toEqual([]);
});
