import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ActivityCancellationDetails } from '@temporalio/common';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrationNotes } from '../../../src/activities/live-migration/note.ts';
import { makeVessels } from '../../../src/activities/live-migration/vessels.ts';
import { DomainCreate, DomainXml } from '../../../src/libvirt/index.ts';
import { policy } from '../../model/live-migration/policies.ts';
import { inActivity } from '../in-activity.ts';
import { killedTests } from './killed.ts';
import { type Attempt, busy, consoleOf, discardMover, journalLine, type Mover, shareDirectory } from './mover.ts';
import { postCopyTests } from './post-copy.ts';
import { slowTests } from './slow.ts';
import { captureOf } from './wire.ts';
import { type MigrationWorld, migrationWorld } from './world.ts';

const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';

let world: MigrationWorld;

beforeAll(async () => {
  world = await migrationWorld('live-migrate');
});
afterAll(() => world?.[Symbol.asyncDispose]());

/** Starts a guest that goes with the test. */
async function started(
  { onTestFinished }: { readonly onTestFinished: (end: () => Promise<void>) => void },
  options: Parameters<MigrationWorld['start']>[0] = {},
): Promise<Mover> {
  const mover = await world.start(options);
  onTestFinished(() => discardMover(mover));
  return mover;
}

const marker = 'THIS-IS-IN-THE-CLEAR';

// Guests side by side: most of a test's time is one that boots.
test.concurrent('a guest goes on at its destination with its overlay, defined there, and no wire shows what is in it but where TLS is off', async (context) => {
  const mover = await started(context, { spoiltMiB: 8, commandLine: marker });
  const { id, from, to } = mover;
  const written = await journalLine(from, id);
  const before = await mover.lastTick(from);
  const input = await mover.prepare();
  const safe = await captureOf(from.host, to.host, world.sharedDir);
  expect(await mover.migrate(input)).toMatchObject({ end: 'gone', reason: null });
  const hidden = await safe.end();
  expect(hidden.length).toBeGreaterThan(16 * 1024 ** 2); // the whole of it passed by
  expect([hidden.includes(marker), hidden.includes(written)]).toEqual([false, false]);
  expect(await from.acts.sightOfGuest({ instanceId: id })).toMatchObject({ state: 'absent', job: 'none' });
  expect(await to.acts.sightOfGuest({ instanceId: id })).toMatchObject({ state: 'running', job: 'none' });
  expect(await to.libvirt.domainGetXmlDesc({ dom: { uuid: id }, flags: DomainXml.inactive })).toContain(`${id}/disk'`);
  await mover.whenTicks(to);
  expect(await mover.lastTick(to)).toBeGreaterThan(before);
  expect(await consoleOf(to, id)).not.toContain('GUEST UP');

  const back = world.between(mover, world.again(to, { tls: false }), world.again(from, { tls: false }));
  const bare = await captureOf(from.host, to.host, world.sharedDir);
  expect(await back.migrate(await back.prepare())).toMatchObject({ end: 'gone', reason: null });
  const shown = await bare.end();
  expect([shown.includes(marker), shown.includes(written)]).toEqual([true, true]);
});

test.concurrent.for(isLongRun ? (['mirrored whole', 'mirrored'] as const) : (['mirrored whole'] as const))(
  'a guest goes on upon a disk without a base that was made for it: %s',
  async (how, context) => {
    const format = how === 'mirrored' ? 'raw' : 'qcow2';
    const mover = await started(context, { format });
    const input = await mover.prepare();
    const directory = join(mover.to.host.instancesDir, mover.id);
    await rm(join(directory, 'disk'));
    const to = { name: 'disk', target: 'vda', kind: format, format, sizeBytes: 96 * 1024 ** 2, backing: null } as const;
    await inActivity(() => makeVessels({ directory, bases: noBases }, [{ how, to }]));
    const before = await mover.lastTick(mover.from);
    const whole = { wholeDisks: format === 'raw' ? [] : ['vda'], copied: 'whole' } as const;
    expect(await mover.migrate({ ...input, ...whole })).toMatchObject({ end: 'gone', reason: null });
    expect(await mover.to.acts.sightOfGuest({ instanceId: mover.id })).toMatchObject({ state: 'running', job: 'none' });
    await mover.whenTicks(mover.to);
    expect(await mover.lastTick(mover.to)).toBeGreaterThan(before);
    expect(await mover.to.libvirt.domainGetXmlDesc({ dom: { uuid: mover.id } })).not.toContain('_base');
  },
);

const noBases = {
  pathOf: (): never => {
    throw new Error('it stands on nothing');
  },
};

test.concurrent('a migration that is aborted, or left and ended, leaves its guest running, and one that lost its worker is joined', async (context) => {
  const mover = await started(context);
  const { id, from, to } = mover;
  const input = await mover.prepare({ bandwidthMiBps: 4 });
  const aborted = mover.begin(input);
  await aborted.whenIn('memory');
  expect(await from.acts.abortMigration(input)).toEqual({ refusal: null });
  expect(await aborted.ended).toEqual({ end: 'here', reason: expect.stringMatching(/^it was aborted after \d+ s$/) });
  expect(await from.acts.abortMigration(input)).toEqual({ refusal: 'the guest is not being moved now' });
  expect(await to.acts.sightOfGuest({ instanceId: id })).toMatchObject({ state: 'absent' });
  await mover.whenTicks(from);

  const left = mover.begin({ ...(await mover.prepare({ bandwidthMiBps: 4 })), migrationId: 'first/2' });
  await left.whenIn('memory');
  await endWorker(left);
  const { token } = input;
  expect(await inActivity(() => from.acts.endMigration({ token, instanceId: id }))).toEqual({ end: 'here' });

  const next = { ...(await mover.prepare({ bandwidthMiBps: 4 })), migrationId: 'first/3' };
  const lost = world.again(from);
  const first = mover.begin(next, lost);
  const before = await first.whenIn('memory');
  await endWorker(first);
  await lost.libvirt.close();
  const second = mover.begin(next);
  expect((await second.whenIn('memory')).elapsedMs).toBeGreaterThan(before.elapsedMs);
  expect(await from.acts.setMigrationPolicy({ ...next, bandwidthMiBps: 0 })).toEqual({ refusal: null, note: null });
  expect(await second.ended).toMatchObject({ end: 'gone', reason: null });
  await mover.whenTicks(to);
  expect(await consoleOf(to, id)).not.toContain('GUEST UP');
});

async function endWorker(attempt: Attempt): Promise<void> {
  attempt.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
  await expect(attempt.ended).rejects.toThrow('WORKER_SHUTDOWN');
}

test.concurrent('a guest whose memory would take minutes arrives when it is told to, by a longer pause than it should have', async (context) => {
  const mover = await started(context, busy);
  // So slow that it cannot converge meanwhile, however little a busy machine lets the guest write.
  const input = await mover.prepare({ bandwidthMiBps: 1, maxDowntimeMs: 20 });
  const attempt = mover.begin(input);
  await attempt.whenIn('memory');
  expect(await mover.from.acts.forceMigration(input)).toEqual({ refusal: null });
  expect(await attempt.ended).toMatchObject({ end: 'gone', reason: null });
  expect((await mover.to.acts.sightOfGuest({ instanceId: mover.id })).completed?.downtimeMs).toBeGreaterThan(20);
  await mover.whenTicks(mover.to);
});

test.concurrent('a guest that is paused arrives paused, though post-copy is asked for', async (context) => {
  const mover = await started(context, { isPaused: true });
  expect(await mover.migrate(await mover.prepare({ postCopy: true }))).toMatchObject({ end: 'gone', reason: null });
  expect(await mover.to.acts.sightOfGuest({ instanceId: mover.id })).toMatchObject({ state: 'paused', job: 'none' });
  await mover.to.libvirt.domainResume({ dom: { uuid: mover.id } });
  expect(await mover.to.acts.sightOfGuest({ instanceId: mover.id })).toMatchObject({ state: 'running' });
});

test.concurrent('a guest that a migration left standing still runs on, and one that was restored paused is moved as what it is', async (context) => {
  const mover = await started(context, { isPaused: true });
  const { id, from, to } = mover;
  const saveAndRestore = async () => {
    await from.libvirt.domainManagedSave({ dom: { uuid: id } });
    await from.libvirt.domainCreateWithFlags({ dom: { uuid: id }, flags: DomainCreate.paused });
    expect(await from.acts.sightOfGuest({ instanceId: id })).toMatchObject({ state: 'held', job: 'none' });
  };
  await saveAndRestore(); // libvirt says the same of both
  await migrationNotes(from.runDir, id).write({
    migrationId: 'earlier/1',
    wasPaused: false,
    copiesDisks: true,
    mayPostCopy: false,
    isBegun: true,
    end: null,
  });
  const refusal = { type: 'MigrationPreCheckError', message: expect.stringContaining('stands still') };
  await expect(mover.prepare()).rejects.toMatchObject(refusal);
  await inActivity(() => from.acts.runOn({ token: { run: 'run', generation: 1, step: 1 }, instanceId: id }));
  expect(await from.acts.sightOfGuest({ instanceId: id })).toMatchObject({ state: 'running' });
  await saveAndRestore();
  expect(await mover.migrate(await mover.prepare())).toMatchObject({ end: 'gone', reason: null });
  expect(await to.acts.sightOfGuest({ instanceId: id })).toMatchObject({ state: 'paused', job: 'none' });
});

test.concurrent('a guest whose disk both hosts see goes on upon it, and nothing of it is copied', async (context) => {
  const mover = await started(context);
  const { id, from, to } = mover;
  const input = await mover.prepare();
  await shareDirectory(mover);
  expect(await mover.migrate({ ...input, disks: [], copied: 'none', isShared: true })).toMatchObject({ end: 'gone', reason: null });
  const there = await to.acts.sightOfGuest({ instanceId: id });
  expect(there).toMatchObject({ state: 'running', job: 'none' });
  expect(there.completed?.diskBytes).toBe(0);
  await mover.whenTicks(from); // the console's log is the same file
});

test.concurrent('the daemon of the source says itself that it does not reach the destination', async (context) => {
  const mover = await started(context, { isPaused: true });
  const input = await mover.prepare();
  const target = { ...input.target, uri: input.target.uri.replace('/system', ':1/system') };
  const { token, instanceId, policy } = input;
  await expect(inActivity(() => mover.from.acts.reachDestination({ token, instanceId, policy, target }))).rejects.toMatchObject({
    type: 'MigrationPreCheckError',
    message: expect.stringContaining('Connection refused'),
  });
  expect(await mover.from.acts.sightOfGuest({ instanceId })).toMatchObject({ state: 'paused', job: 'none' });
});

// What follows changes the hosts, and is on its own.
if (isLongRun) {
  postCopyTests(() => world, started);

  killedTests(() => world, started);
  slowTests(started);
}

test.for([
  [{ cpuXml: "<cpu mode='custom'><model>Icelake-Server</model></cpu>" }, 'its processor is not that of the guest: '],
  [{ cpuXml: "<cpu mode='custom'><model>Zuse-Z3</model></cpu>" }, 'its processor is not that of the guest: '],
  [{ machineType: 'pc-q35-99.0' }, 'it has no machine pc-q35-99.0 for qemu: '],
] as const)('a destination refuses a guest of %o', async ([changes, refusal]) => {
  const guest = { ...foreign, ...changes, policy: policy() };
  const token = { run: 'run', generation: 1 };
  expect(await inActivity(() => world.other.acts.checkTakesGuest({ token, guest }))).toEqual({
    refusal: expect.stringContaining(refusal),
  });
});

const foreign = { virtType: 'qemu', arch: 'x86_64', machineType: 'pc-q35-7.2', cpuXml: null, graphics: [], memoryMiB: 64, isPaused: false };
