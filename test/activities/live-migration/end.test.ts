import { expect, test, vi } from 'vitest';
import type { MigrationNote } from '../../../src/activities/live-migration/note.ts';
import { DomainState, PausedReason, RunningReason, ShutoffReason } from '../../../src/libvirt/index.ts';
import { activityContext, inActivity } from '../surroundings.ts';
import { fakeSource, instanceId, noteOf, token } from './fake-source.ts';

const guest = { instanceId, token };
const running = { state: DomainState.running, reason: RunningReason.booted };
const held = { state: DomainState.paused, reason: PausedReason.migration };
const switched = { state: DomainState.paused, reason: PausedReason.postCopy };
const broken = { state: DomainState.paused, reason: PausedReason.postCopyFailed };
const movedAway = { state: DomainState.shutoff, reason: ShutoffReason.migrated };
const restored = noteOf({ wasPaused: true });

test.for<
  [name: string, is: { state: number; reason: number }, isMoving: boolean, note: MigrationNote | null, end: string, calls: string[]]
>([
  ['runs and was never sent', running, false, null, 'here', []],
  ['runs and is being sent', running, true, noteOf(), 'here', ['abort']],
  ['stands still since it was sent', held, false, noteOf(), 'held', []],
  ['was restored paused before it was sent', held, false, restored, 'here', []],
  ['was restored paused and never sent', held, false, null, 'here', []],
  ['moved away', movedAway, false, noteOf(), 'gone', []],
  ['switched over, and its post-copy broke off', broken, true, noteOf(), 'broken', []],
])('a migration of a guest that %s ends at once', async ([_name, is, isMoving, note, end, calls]) => {
  const { acts, source, notes } = await fakeSource({ is, isMoving });
  if (note !== null) await notes.write(note);
  expect(await inActivity(() => acts.endMigration(guest))).toEqual({ end });
  expect(source.calls).toEqual(calls);
});

test('one that has switched over is waited for, and never aborted', async () => {
  const { acts, source } = await fakeSource({ is: switched, isMoving: true });
  const ending = inActivity(() => acts.endMigration(guest));
  await vi.waitFor(() => expect(source.looks).toBeGreaterThan(1));
  Object.assign(source, { is: movedAway, isMoving: false });
  expect(await ending).toEqual({ end: 'gone' });
  expect(source.calls).toEqual([]);
});

test('one that breaks off while it is waited for is broken', async () => {
  const { acts, source } = await fakeSource({ is: switched, isMoving: true });
  const ending = inActivity(() => acts.endMigration(guest));
  source.is = broken;
  expect(await ending).toEqual({ end: 'broken' });
});

test('a cancel ends the wait for one that has switched over', async () => {
  const { acts } = await fakeSource({ is: switched, isMoving: true });
  const activity = activityContext();
  const ending = inActivity(() => acts.endMigration(guest), activity);
  activity.cancel('CANCELLED');
  await expect(ending).rejects.toThrow('CANCELLED');
});

test('a guest that was paused and saved later is not taken for one that was sent', async () => {
  const { acts, source, notes } = await fakeSource({ isMoving: true });
  await notes.write(noteOf());
  await inActivity(() => acts.endMigration(guest));
  source.is = held;
  expect(await inActivity(() => acts.endMigration(guest))).toEqual({ end: 'here' });
});

test('a guest that stands still since it was sent runs on, once', async () => {
  const { acts, source, notes } = await fakeSource({ is: held });
  await notes.write(noteOf({ end: { end: 'held', reason: null } }));
  await inActivity(() => acts.runOn(guest));
  await inActivity(() => acts.runOn(guest));
  expect(source.calls).toEqual(['resume']);
  source.is = held;
  expect(await inActivity(() => acts.endMigration(guest))).toEqual({ end: 'here' });
});

test('a guest that has switched over never runs on where it was', async () => {
  const { acts, source } = await fakeSource({ is: broken, isMoving: true });
  await expect(inActivity(() => acts.runOn(guest))).rejects.toMatchObject({ type: 'DomainStateConflict', nonRetryable: true });
  expect(source.calls).toEqual([]);
});
