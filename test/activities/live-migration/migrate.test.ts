import { ActivityCancellationDetails } from '@temporalio/common';
import { expect, test, vi } from 'vitest';
import type { MigrateInput } from '../../../src/activities/live-migration/migrate.ts';
import type { MigrationNote } from '../../../src/activities/live-migration/note.ts';
import { ConnectionLost, DomainState, ErrorCode, ErrorDomain, PausedReason, ShutoffReason } from '../../../src/libvirt/index.ts';
import { policy } from '../../model/live-migration/policies.ts';
import { activityContext, inActivity } from '../surroundings.ts';
import { fakeSource, instanceId, noteOf, refused, token } from './fake-source.ts';

const target = { uri: 'qemu+tcp://cn2/system', address: 'cn2', listenAddress: '127.0.0.1', instancesDir: '/instances' };
const input: MigrateInput = {
  ...{ instanceId, token, target, migrationId: 'first/2', policy: policy({ tls: false }) },
  ...{ disks: ['vda'], wholeDisks: [], copied: 'overlays', isShared: false },
};
const held = { state: DomainState.paused, reason: PausedReason.migration };
const broken = { state: DomainState.paused, reason: PausedReason.postCopyFailed };
const movedAway = { state: DomainState.shutoff, reason: ShutoffReason.migrated };

test.for<[name: string, changes: { is?: { state: number; reason: number }; isMoving?: boolean }, earlier: MigrationNote, why: string]>([
  ['switched over in an earlier try', { is: broken, isMoving: true }, noteOf(), 'broke off'],
  ['stands still since an earlier try', { is: held }, noteOf(), 'may run at another host'],
  ['stands still at the end of an earlier try', { is: held }, noteOf({ end: { end: 'held', reason: null } }), 'may run at another host'],
  ['is being moved by an earlier try', { isMoving: true }, noteOf(), 'by another migration'],
])('a guest that %s is not moved anew', async ([_name, changes, earlier, why]) => {
  const { acts, source, notes } = await fakeSource(changes);
  await notes.write(earlier);
  const refusal = { type: 'DomainStateConflict', nonRetryable: true, message: expect.stringContaining(why) };
  await expect(inActivity(() => acts.migrateGuest(input))).rejects.toMatchObject(refusal);
  await expect(inActivity(() => acts.checkGuestMoves({ instanceId, token, wanted: {}, diskBytes: [] }))).rejects.toMatchObject({
    type: 'MigrationPreCheckError',
    message: expect.stringContaining(why),
  });
  expect(source.calls).toEqual([]);
  expect(await notes.read()).toEqual(earlier);
});

test('a guest that was restored paused is moved, and is here when it stays', async () => {
  const { acts, source } = await fakeSource({ is: held });
  expect(await inActivity(() => acts.migrateGuest(input))).toEqual({ end: 'here', reason: null });
  expect(source.calls).toEqual(['downtime', 'perform']);
});

test('a migration is made once, and its end is answered again, with what libvirt said of it', async () => {
  const { acts, source } = await fakeSource();
  source.onCall = () => {
    source.is = movedAway;
  };
  for (let time = 0; time < 2; time += 1) {
    expect(await inActivity(() => acts.migrateGuest(input))).toEqual({ end: 'gone', reason: null, isArrived: true });
  }
  expect(source.calls.filter((name) => name === 'perform')).toHaveLength(1);
});

test('a call that another one of the same try has outrun joins it', async () => {
  const { acts, source, notes } = await fakeSource({ isMoving: false });
  await notes.write(noteOf({ migrationId: 'first/2', isBegun: false }));
  source.onCall = (name) => {
    if (name !== 'perform') return;
    source.isMoving = true;
    throw refused(ErrorCode.operationInvalid, 'another migration job is already running');
  };
  const migrating = inActivity(() => acts.migrateGuest(input));
  await vi.waitFor(async () => expect(await notes.read()).toMatchObject({ isBegun: true }));
  source.isMoving = false;
  expect(await migrating).toEqual({ end: 'here', reason: null });
  expect(source.calls.filter((name) => name === 'perform')).toHaveLength(1);
});

test('a migration whose job was seen is never begun again', async () => {
  const { acts, source, notes } = await fakeSource();
  await notes.write(noteOf({ migrationId: 'first/2' }));
  expect(await inActivity(() => acts.migrateGuest(input))).toEqual({ end: 'here', reason: null });
  expect(source.calls).toEqual([]);
});

test.for([
  ['libvirt takes it up', null],
  ['QEMU goes on by itself', refused(ErrorCode.operationInvalid, 'QEMU reports migration is still running')],
] as const)('a migration that broke off after its switch is gone on with by the try that began it: %s', async ([_name, answer]) => {
  const { acts, source, notes } = await fakeSource({ is: broken, isMoving: true });
  await notes.write(noteOf({ migrationId: 'first/2' }));
  source.onCall = () => {
    Object.assign(source, { is: movedAway, isMoving: false });
    if (answer !== null) throw answer;
  };
  expect(await inActivity(() => acts.migrateGuest(input))).toEqual({ end: 'gone', reason: null });
  expect(source.calls).toEqual(['perform']);
});

test.for<[what: string, failure: Error, wish: 'abort' | null, isLost: boolean]>([
  [
    'ended as the libvirtd of its destination did',
    refused(ErrorCode.internalError, 'client socket is closed', ErrorDomain.rpc),
    null,
    true,
  ],
  ['ended as this host’s libvirtd did', new ConnectionLost('perform', 'unknown', new Error('it was killed')), null, true],
  ['was aborted before its libvirtd ended', new ConnectionLost('perform', 'unknown', new Error('it was killed')), 'abort', false],
  ['was given up by QEMU', refused(ErrorCode.operationFailed, 'the disk is full'), null, false],
])('a migration that %s leaves its guest here, which may be sent anew when nobody wanted that', async ([_what, failure, wish, isLost]) => {
  const { acts, source, notes } = await fakeSource();
  source.onCall = async (name) => {
    if (name !== 'perform') return;
    if (wish !== null) await notes.wish(wish, 'first/2');
    throw failure;
  };
  const end = await inActivity(() => acts.migrateGuest(input));
  expect([end.end, end.isLost === true]).toEqual(['here', isLost]);
});

test('a migration that was given up by QEMU, which was slow to answer before, is not lost', async () => {
  const { acts, source } = await fakeSource();
  let isSlow = true;
  source.onLook = () => {
    if (source.calls.includes('perform') && isSlow) {
      isSlow = false;
      throw refused(ErrorCode.operationTimeout, 'cannot acquire state change lock');
    }
  };
  source.onCall = (name) => {
    if (name === 'perform') throw refused(ErrorCode.operationFailed, 'the disk is full');
  };
  const end = await inActivity(() => acts.migrateGuest(input));
  expect([end.end, end.isLost === true, isSlow]).toEqual(['here', false, false]);
});

test('one whose destination is out of reach stays broken, with the reason', async () => {
  const { acts, source, notes } = await fakeSource({ is: broken, isMoving: true });
  await notes.write(noteOf({ migrationId: 'first/2' }));
  source.onCall = () => {
    throw refused(ErrorCode.systemError, 'unable to connect to server');
  };
  await expect(inActivity(() => acts.migrateGuest(input))).rejects.toMatchObject({
    type: 'PostCopyBroken',
    message: expect.stringContaining('unable to connect to server'),
  });
  expect(await notes.read()).toMatchObject({ end: null });
});

test.for([
  [{}, true],
  [{ is: { state: DomainState.paused, reason: PausedReason.user } }, false],
] as const)('a guest of %o is moved by post-copy, where that is asked for: %s', async ([changes, postCopy]) => {
  const { acts } = await fakeSource(changes);
  const checked = await inActivity(() => acts.checkGuestMoves({ instanceId, token, wanted: { postCopy: true }, diskBytes: [] }));
  expect(checked.policy.postCopy).toBe(postCopy);
});

test.for([
  ['that is asked for aborts', { cancelRequested: true }, ['abort']],
  ['of a worker that stops leaves', { workerShutdown: true }, []],
] as const)('a cancel %s the migration, also one that comes while it is looked at', async ([_name, details, calls]) => {
  const { acts, source, notes } = await fakeSource({ isMoving: true });
  await notes.write(noteOf({ migrationId: 'first/2' }));
  const activity = activityContext();
  source.onLook = () => {
    if (source.looks === 2) activity.cancel('CANCELLED', new ActivityCancellationDetails(details));
  };
  await inActivity(() => acts.migrateGuest(input), activity).catch((error: unknown) =>
    expect(error).toMatchObject({ message: 'CANCELLED' }),
  );
  expect(source.calls.filter((name) => name !== 'downtime')).toEqual(calls);
});
