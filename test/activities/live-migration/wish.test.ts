import { expect, test } from 'vitest';
import { DomainState, PausedReason } from '../../../src/libvirt/index.ts';
import { inActivity } from '../surroundings.ts';
import { fakeSource, instanceId, noteOf } from './fake-source.ts';

const ofThis = { instanceId, migrationId: 'first/1' };

test.for([
  ['another try', noteOf({ migrationId: 'first/2' }), {}, 'the guest is not being moved now'],
  ['one that has ended', noteOf({ end: { end: 'here', reason: null } }), {}, 'the guest is not being moved now'],
  ['one that nobody has seen to end', noteOf(), { isMoving: false }, 'the guest is not being moved any more'],
  [
    'one that has switched over',
    noteOf(),
    { is: { state: DomainState.paused, reason: PausedReason.postCopy } },
    'the guest has switched over to its destination',
  ],
] as const)('nobody is told of wishes for %s', async ([_name, note, changes, refusal]) => {
  const { acts, notes } = await fakeSource({ isMoving: true, ...changes });
  await notes.write(note);
  expect(await inActivity(() => acts.abortMigration(ofThis))).toEqual({ refusal });
  expect(await inActivity(() => acts.forceMigration(ofThis))).toEqual({ refusal });
  expect(await inActivity(() => acts.setMigrationPolicy({ ...ofThis, bandwidthMiBps: 8 }))).toEqual({ refusal, note: null });
  expect(await notes.wishes('first/1')).toEqual({ asked: null, bandwidthMiBps: null, maxDowntimeMs: null });
});

test('a migration that nobody has seen begin takes wishes', async () => {
  const { acts, notes } = await fakeSource();
  await notes.write(noteOf({ isBegun: false }));
  expect(await inActivity(() => acts.abortMigration(ofThis))).toEqual({ refusal: null });
  expect(await notes.wishes('first/1')).toMatchObject({ asked: 'abort' });
});

test('wishes that come at the same time all count, and the later of one kind', async () => {
  const { acts, notes } = await fakeSource({ isMoving: true });
  await notes.write(noteOf());
  await inActivity(async () => {
    await Promise.all(Array.from({ length: 20 }, () => acts.forceMigration(ofThis)));
    await Promise.all([
      acts.setMigrationPolicy({ ...ofThis, bandwidthMiBps: 8 }),
      acts.setMigrationPolicy({ ...ofThis, maxDowntimeMs: 900 }),
    ]);
    await acts.setMigrationPolicy({ ...ofThis, bandwidthMiBps: 16 });
  });
  expect(await notes.wishes('first/1')).toEqual({ asked: 'forceComplete', bandwidthMiBps: 16, maxDowntimeMs: 900 });
});

const memoryOnly = expect.stringContaining('memory only');

test.for([
  ['disks are copied', noteOf(), 0n, { bandwidthMiBps: 8 }, memoryOnly],
  ['disks are copied, and the pause alone is changed', noteOf(), 0n, { maxDowntimeMs: 900 }, null],
  ['disks were copied, and memory is on its way', noteOf(), 1024n, { bandwidthMiBps: 8 }, null],
  ['all disks are seen at both hosts', noteOf({ copiesDisks: false }), 0n, { bandwidthMiBps: 8 }, null],
] as const)('a bandwidth is said to act on memory only while that matters: %s', async ([_name, note, memoryBytes, change, said]) => {
  const { acts, notes } = await fakeSource({ isMoving: true, memoryBytes });
  await notes.write(note);
  expect(await inActivity(() => acts.setMigrationPolicy({ ...ofThis, ...change }))).toEqual({ refusal: null, note: said });
});
