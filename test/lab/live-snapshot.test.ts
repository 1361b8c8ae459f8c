import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importGuest, startComputeWorker, whenHostUp } from '../../lab/cloud.ts';
import { buildGuest, killLibvirtd, type LabHost, runInHost, signalProcess, startLibvirtd, whenEnded } from '../../lab/lab.ts';
import { run as machine } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';
import { connectLibvirt, Lifecycle } from '../../src/libvirt/index.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { findings, letGo, type Stopped, startStopped, whenHit } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { loopDevice } from './devices.ts';
import { type SeenGuest, seenGuest } from './seen-guest.ts';

const MiB = 1024 ** 2;

let own: OwnCloud;
let host: LabHost;
/** Writes a line each second, and has an agent that its image asks for. */
let guest: Instance;
let seen: SeenGuest;

beforeAll(async () => {
  own = await ownCloud('live-snap', { NOVAFLOW_HOST_CAPACITY_DISK_GIB: '100' }, { instancesSizeMiB: 8192 });
  const { kernelId, ramdiskId, properties } = await importGuest(own.cloud, await buildGuest({}));
  const commandLine = `${properties['os_command_line']} writes`;
  await run('importImage', {
    ...{ name: 'writer', source: 'file:tiny-root', diskFormat: 'raw', kernelId, ramdiskId },
    properties: { ...properties, os_command_line: commandLine, hw_qemu_guest_agent: 'yes', os_require_quiesce: 'yes' },
  });
  await run('disableHost', { host: 'cn2', reason: 'one host is enough' });
  host = hostNamed('cn1');
  guest = await run<Instance>('buildInstance', { name: 'writes', image: 'writer', flavor: 'lab.tiny' });
  seen = seenGuest(guest, host);
  await seen.whenBooted(1);
  await whenAgentAnswers();
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

test('a guest that runs is frozen only between the end of the copy and that of the job, is never suspended, and its image has all that it had written', async () => {
  const suspensions: number[] = [];
  await using libvirt = connectLibvirt({ socket: socketOf(host) });
  await libvirt.subscribe('lifecycle', ({ event }) => void (event === Lifecycle.suspended && suspensions.push(event)));
  await seen.whenWritten(1);
  const before = await seen.lastWritten();
  const image = await snapshot({ mode: 'live' });
  const after = await seen.lastWritten();

  expect(suspensions).toEqual([]);
  expect(await notesOf(guest)).toEqual(['chooseSnapshotMode: live']);
  expect((await seen.console()).match(/\b(FREEZE|THAW)\b/g)).toEqual(['FREEZE', 'THAW']);
  expect(image).toMatchObject({ status: 'active', diskFormat: 'qcow2', virtualSizeBytes: 1024 * MiB });
  await seen.whenWritten(after + 2);
  expect(await seen.boots()).toBe(1);

  expect(await writtenIn(image)).toBeGreaterThanOrEqual(before);
  expect(await writtenIn(image)).toBeLessThanOrEqual(after + 1);
  const flat = await flatOf(image);
  expect(await machine('dumpe2fs', ['-h', flat])).not.toContain('needs_recovery');
  await rm(flat);
});

test('a guest whose worker is killed while it is frozen is thawed as soon as there is a worker, and its snapshot goes on', async () => {
  const stopped = await stoppedAt('frozen');
  expect(await agent('guest-fsfreeze-status')).toBe('frozen');
  const frozenAt = await seen.lastWritten();
  await killWorker();
  await letGo(own, stopped);
  await own.startCompute('cn1');
  await seen.whenWritten(frozenAt + 2);
  expect(await stopped.run.result()).toMatchObject({ status: 'active' });
  expect(await agent('guest-fsfreeze-status')).toBe('thawed');
  expect(await seen.boots()).toBe(1);
});

test('a snapshot that is cancelled while the disk is copied leaves the guest as it was', async () => {
  const stopped = await stoppedAt('copying');
  expect(await jobOf(guest)).toBe('Block Copy');
  await stopped.run.cancel();
  expect(await endOf(stopped.run)).toMatchObject({ type: 'Canceled' });
  await expectAsBefore();
});

// Long, all of it.
if (process.env['NOVAFLOW_TEST_ALL'] === '1') {
  test('a libvirtd that is killed while the disk is copied costs nothing but the wait for it', async () => {
    const stopped = await stoppedAt('copying');
    await killLibvirtd(host);
    await letGo(own, stopped);
    await startLibvirtd(host);
    expect(await stopped.run.result()).toMatchObject({ status: 'active' });
    await expectAsBefore();
  });

  test('a worker that is killed while the disk is copied goes on with the copy when it is back', async () => {
    const stopped = await stoppedAt('copying');
    await killWorker();
    await letGo(own, stopped);
    await own.startCompute('cn1');
    expect(await stopped.run.result()).toMatchObject({ status: 'active' });
    await expectAsBefore();
  });

  test('a guest that was left frozen by a snapshot which was terminated is thawed when a worker is there, and the next snapshot clears the rest', async () => {
    const stopped = await stoppedAt('frozen');
    const frozenAt = await seen.lastWritten();
    await killWorker();
    await stopped.run.terminate('by the test');
    await letGo(own, stopped);
    await own.startCompute('cn1');
    await seen.whenWritten(frozenAt + 2);
    expect(await jobOf(guest)).toBe('Block Copy');

    await until(async () => ((await record(guest)).vmState === 'error' ? true : null), {
      what: 'the record to be free',
      timeoutMs: 20_000,
    });
    const boots = await seen.boots();
    await run('rebootInstance', { instanceId: guest.id, mode: 'hard' });
    await seen.whenBooted(boots + 1);
    await whenAgentAnswers();
    expect(await snapshot({ mode: 'live' })).toMatchObject({ status: 'active' });
    await expectAsBefore();
  });

  test('a disk that fills while it is copied to fails the snapshot, and the guest writes on', async () => {
    const filler = join(host.instancesDir, 'filler');
    const stopped = await stoppedAt('halfway');
    const writtenAt = await seen.lastWritten();
    await fillUp(filler, 2 * MiB);
    await letGo(own, stopped);
    const end = await endOf(stopped.run);
    await rm(filler);
    expect(end).toMatchObject({ type: 'DiskSpaceLow', message: expect.stringContaining('the copy of the disk found no room') });
    await seen.whenWritten(writtenAt + 3);
    await expectAsBefore();

    // The same is foreseen by the next one, which touches nothing.
    await fillUp(filler, 20 * MiB);
    const foreseen = await endOf(await start({}));
    await rm(filler);
    expect(foreseen).toMatchObject({ type: 'DiskSpaceLow', message: expect.stringMatching(/has \d+ MiB free, \d+ MiB are needed/) });
  });

  test('a guest whose disk is a whole device of several GiB is copied while it runs, and so is one that is stopped', async () => {
    await using device = await loopDevice(3072);
    const isolated = { NOVAFLOW_IMAGES_TYPE: 'isolate', NOVAFLOW_ISOLATE_DEVICES: JSON.stringify([{ path: device.path }]) };
    await withWorker('cn2', isolated);
    await run('enableHost', { host: 'cn2' });
    const elsewhere = { hints: { different_host: [guest.id] } };
    const whole = await run<Instance>('buildInstance', { name: 'whole', image: 'writer', flavor: 'lab.tiny', ...elsewhere });
    expect(whole.disks[0]).toMatchObject({ kind: 'isolate', device: device.path, sizeBytes: 3072 * MiB });
    const it = seenGuest(whole, hostNamed('cn2'));
    await it.whenWritten(1);
    const before = await it.lastWritten();
    const live = await run<Image>('snapshotInstance', { instanceId: whole.id, name: 'live', format: 'qcow2', mode: 'auto' });
    expect(await notesOf(whole)).toEqual(['chooseSnapshotMode: live']);
    expect([live.virtualSizeBytes, await it.boots()]).toEqual([3072 * MiB, 1]);
    expect(live.sizeBytes).toBeLessThan(100 * MiB);
    expect(await writtenIn(live)).toBeGreaterThanOrEqual(before);

    await run('stopInstance', { instanceId: whole.id });
    const cold = await run<Image>('snapshotInstance', { instanceId: whole.id, name: 'cold', format: 'qcow2' });
    expect(await notesOf(whole)).toEqual(['chooseSnapshotMode: cold: the guest is shutdown, not running']);
    expect(await writtenIn(cold)).toBeGreaterThanOrEqual(before);
    await run('deleteInstance', { instanceId: whole.id });
  });

  test('the image of a guest that is switched off while its disk is copied is made of what it left', async () => {
    const stopped = await stoppedAt('copying');
    const [writtenAt, boots] = [await seen.lastWritten(), await seen.boots()];
    await runInHost(host, ['virsh', 'destroy', guest.id]);
    await letGo(own, stopped);
    const image = (await stopped.run.result()) as Image;
    expect(await record(guest)).toMatchObject({ vmState: 'stopped', powerState: 'shutdown' });
    expect(await notesOf(guest)).toEqual(['chooseSnapshotMode: live', 'copyLive: the guest ended: cold']);
    expect(await writtenIn(image)).toBeGreaterThanOrEqual(writtenAt);
    await run('startInstance', { instanceId: guest.id });
    await seen.whenBooted(boots + 1);
  });
}

test('what is left of all this is what the records say', async () => {
  expect(await readdir(join(host.instancesDir, guest.id))).not.toContain('snapshots');
  expect(await findings(own)).toEqual([]);
});

/** A snapshot that is stopped while its disk is copied. */
async function stoppedAt(point: 'halfway' | 'copying' | 'frozen'): Promise<Stopped> {
  const request = { instanceId: guest.id, name: point };
  const stopped = await startStopped(own, 'snapshotInstance', { step: 'copyLive', point, request });
  await whenHit(own, stopped);
  return stopped;
}

/** The guest runs and writes, no job is on its disk, and nothing of the snapshot is in its directory. */
async function expectAsBefore(): Promise<void> {
  const boots = await seen.boots();
  await seen.whenWritten((await seen.lastWritten()) + 2);
  expect([await seen.boots(), await jobOf(guest)]).toEqual([boots, '']);
  expect(await record(guest)).toMatchObject({ vmState: 'active', powerState: 'running', operation: null });
  expect(existsSync(join(host.instancesDir, guest.id, 'snapshots'))).toBe(false);
}

/** Leaves so much room below the instances of the host. */
async function fillUp(filler: string, leftBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(host.instancesDir);
  await machine('fallocate', ['--length', `${bavail * bsize - leftBytes}`, filler]);
}

async function killWorker(): Promise<void> {
  const worker = own.workers.compute.get('cn1');
  if (worker === undefined) throw new Error('there is no worker of cn1');
  signalProcess(worker, 'SIGKILL');
  await whenEnded(worker);
}

/** libvirt's word on the job of the root disk; empty when there is none. */
async function jobOf({ id }: Instance): Promise<string> {
  return /type=(.*)/.exec(await runInHost(host, ['virsh', '-q', 'blockjob', id, 'vda', '--raw']))?.[1] ?? '';
}

/** What the guest's agent answers. */
async function agent(execute: string): Promise<unknown> {
  return JSON.parse(await runInHost(host, ['virsh', '-q', 'qemu-agent-command', guest.id, JSON.stringify({ execute })])).return;
}

async function whenAgentAnswers(): Promise<void> {
  const pinged = () => agent('guest-ping').catch(() => null);
  await until(pinged, { what: `the agent of ${guest.name}`, timeoutMs: 60_000, intervalMs: 100 });
}

/** The disk in an image, for programs that read file systems. */
async function flatOf({ id, diskFormat }: Image): Promise<string> {
  const { sharedDir } = own.cloud.lab;
  const flat = join(sharedDir, 'flat.raw');
  await machine('qemu-img', ['convert', '-f', diskFormat, '-O', 'raw', join(sharedDir, 'images', id), flat]);
  return flat;
}

/** How many lines the guest had written since its boot to the disk in an image: none is missing before the last, and its file system is whole. */
async function writtenIn(image: Image): Promise<number> {
  const flat = await flatOf(image);
  await machine('sh', ['-c', 'e2fsck -p "$0" || [ $? -eq 1 ]', flat]); // what its journal has, as the guest's kernel would
  const all = (await machine('debugfs', ['-R', 'cat /ticks', flat])).trim().split('\n');
  const lines = all.slice(all.lastIndexOf('write 1'));
  expect(lines).toEqual(lines.map((_, index) => `write ${index + 1}`));
  await rm(flat);
  return lines.length;
}

/** Puts another worker in the place of that of a host, with other settings. */
async function withWorker(name: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const before = own.workers.compute.get(name);
  if (before !== undefined && signalProcess(before, 'SIGKILL')) await whenEnded(before);
  const worker = await startComputeWorker({ ...own.cloud, settings: { ...own.cloud.settings, ...settings } }, hostNamed(name));
  own.workers.compute.set(name, worker);
  await whenHostUp(own.cloud, name, worker);
}

/** What steps of the last operation decided. */
async function notesOf(instance: Instance): Promise<readonly string[]> {
  const steps = (await record(instance)).recent.at(-1)?.steps ?? [];
  return steps.flatMap(({ name, note }) => (note === undefined ? [] : [`${name}: ${note}`]));
}

function record({ id }: Instance): Promise<Instance> {
  return own.client.workflow.getHandle(`instance/${id}`).query<Instance>('record');
}

function start(how: object) {
  const args = [{ instanceId: guest.id, name: 'shot', ...how }];
  return own.client.workflow.start('snapshotInstance', { taskQueue: controlQueue, workflowId: `shot-${randomUUID()}`, args });
}

async function snapshot(how: object): Promise<Image> {
  return (await (await start(how)).result()) as Image;
}

function run<Result>(type: string, request: object): Promise<Result> {
  return own.client.workflow.execute(type, { taskQueue: controlQueue, workflowId: `${type}-${randomUUID()}`, args: [request] });
}

function hostNamed(name: string): LabHost {
  const found = own.cloud.lab.hosts.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no host ${name}`);
  return found;
}

/** Where a host's libvirtd is reached from outside. */
function socketOf({ libvirtUri }: LabHost): string {
  return new URL(libvirtUri).searchParams.get('socket') ?? '';
}
