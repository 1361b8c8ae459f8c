import { randomUUID } from 'node:crypto';
import { readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, type HostProcess, isRunning, type LabHost, processesOf, runInHost, signalProcess, whenEnded } from '../../lab/lab.ts';
import { run as machine } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { findings, letGo, type Stopped, startStopped, whenHit } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { blankImage } from './blank-image.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { journalOf, journalOn, type SeenGuest, seenGuest } from './seen-guest.ts';

const MiB = 1024 ** 2;
const saveDir = '/var/lib/libvirt/qemu/save';

/** Where the worker dies: with the guest saved, before it is started again, with the image written and not yet under its name. */
const deaths = [
  ['after', 'saveGuest'],
  ['before', 'wakeGuest'],
  ['halfway', 'uploadSnapshot'],
] as const;

let own: OwnCloud;
let host: LabHost;
/** The guest that images are made of. */
let guest: Instance;
let seen: SeenGuest;
/** Some with nothing to boot. */
let blanks: readonly Instance[];
let tiny: Image;

beforeAll(async () => {
  own = await ownCloud('snapshot', { NOVAFLOW_HOST_CAPACITY_DISK_GIB: '100' }, { instancesSizeMiB: 300 });
  tiny = await importGuest(own.cloud, await buildGuest({}));
  await run('disableHost', { host: 'cn2', reason: 'one host is enough' });
  host = hostNamed('cn1');
  const image = await blankImage(own);
  const flavor = { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 };
  [guest, ...blanks] = await Promise.all([
    run<Instance>('buildInstance', { name: 'walks', image: 'tiny', flavor: 'lab.tiny' }),
    ...deaths.map(([, step]) => run<Instance>('buildInstance', { name: `dies-at-${step}`, image, flavor })),
  ]);
  seen = seenGuest(guest, host);
  await seen.whenBooted(1);
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

test('a guest that runs goes on where it was once its disk is read, and an instance that is built from the image finds its journal', async () => {
  const before = await seen.lastTick();
  const image = await snapshot(guest, { compress: true });
  await seen.whenTick(before + 1);
  expect([await seen.boots(), await powerOf(guest)]).toEqual([1, 'running']);
  expect(image).toMatchObject({ status: 'active', diskFormat: 'qcow2', virtualSizeBytes: 1024 * MiB, minRootGiB: 1 });
  expect(image).toMatchObject({
    kernelId: tiny.kernelId,
    ramdiskId: tiny.ramdiskId,
    properties: { ...tiny.properties, instance_uuid: guest.id },
  });
  expect(await storedChecksum(image)).toBe(image.checksum);

  const { taskHistory, recent, fault } = await record(guest);
  expect(fault).toBeNull();
  const walk = ['image_snapshot_pending', 'image_snapshot', 'image_pending_upload', 'image_uploading', null];
  expect(taskHistory.map(({ taskState }) => taskState)).toEqual(walk);
  const steps = recent.at(-1)?.steps.map(({ name, host }) => `${name} ${host}`);
  expect(steps).toEqual(expect.arrayContaining(['extractSnapshot cn1', 'wakeGuest cn1', 'compressSnapshot cn1', 'uploadSnapshot cn1']));

  const journal = await journalOn({ path: stored(image), format: 'qcow2' });
  expect(journal).toEqual([expect.stringMatching(/^boot 1 /)]);
  const again = await run<Instance>('buildInstance', { name: 'again', image: image.id, flavor: 'lab.tiny' });
  await seenGuest(again, host).whenBooted(1);
  await run('stopInstance', { instanceId: again.id });
  expect(await journalOf(again, host, own.cloud.lab)).toEqual([...journal, expect.stringMatching(/^boot 2 /)]);
  await run('deleteInstance', { instanceId: again.id });
});

test('a guest that is paused comes back paused, and goes on where it was when it is unpaused', async () => {
  await run('pauseInstance', { instanceId: guest.id });
  const before = await seen.lastTick();
  await snapshot(guest);
  expect([await powerOf(guest), await record(guest)]).toEqual([
    'paused',
    expect.objectContaining({ vmState: 'paused', powerState: 'paused' }),
  ]);
  await run('unpauseInstance', { instanceId: guest.id });
  await seen.whenTick(before + 1);
  expect(await seen.boots()).toBe(1);
});

test('a disk that fills while it is written to fails the snapshot with the guest running, and nothing is left', async () => {
  const filler = join(host.instancesDir, 'filler');
  const stopped = await stoppedAt('before', 'extractSnapshot', guest);
  await machine('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M']).catch(() => undefined);
  await truncate(filler, (await stat(filler)).size - 2 * MiB);
  await letGo(own, stopped);
  expect(await endOf(stopped.run)).toMatchObject({ type: 'DiskSpaceLow' });
  expect(await powerOf(guest)).toBe('running');

  // The same is foreseen by the next one, which does not touch the guest.
  const before = await seen.boots();
  const end = await endOf(await start('snapshotInstance', { instanceId: guest.id, name: 'full', mode: 'cold' }));
  await rm(filler);
  expect(end).toMatchObject({ type: 'DiskSpaceLow', message: expect.stringMatching(/has \d+ MiB free, \d+ MiB are needed/) });
  expect([await seen.boots(), await powerOf(guest)]).toEqual([before, 'running']);
});

test('a store without room fails the snapshot with nothing left', async () => {
  const store = join(own.cloud.lab.sharedDir, 'images');
  const stopped = await stoppedAt('before', 'uploadSnapshot', guest);
  await runInHost(host, ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', store]);
  await letGo(own, stopped);
  expect(await endOf(stopped.run)).toMatchObject({ type: 'DiskSpaceLow', message: expect.stringContaining(store) });
  await runInHost(host, ['umount', store]);
  expect(await powerOf(guest)).toBe('running');
});

test('whatever a worker that is killed was at, guests run again, images are whole, and a qemu-img that outlives it is waited for', async () => {
  await run('stopInstance', { instanceId: guest.id });
  const stopped = await Promise.all(deaths.map(([point, step], index) => stoppedAt(point, step, blanks[index] ?? guest)));
  const snapshot = await start('snapshotInstance', { instanceId: guest.id, name: 'shot', compress: true });
  const conversion = await until(conversionOn, { what: 'qemu-img', timeoutMs: 20_000, intervalMs: 1 });
  await killWorker();
  expect(isRunning(conversion)).toBe(true);
  await Promise.all(stopped.map((one) => letGo(own, one)));
  await own.startCompute('cn1');

  const image = (await snapshot.result()) as Image;
  expect(await journalOn({ path: stored(image), format: 'qcow2' })).toEqual([expect.stringMatching(/^boot 1 /)]);
  expect(await record(guest)).toMatchObject({ vmState: 'stopped', powerState: 'shutdown' });
  for (const { run: struck, step } of stopped)
    expect([step, await struck.result()]).toEqual([step, expect.objectContaining({ status: 'active' })]);
  for (const blank of blanks) expect([blank.name, await powerOf(blank)]).toEqual([blank.name, 'running']);
});

test('what is left of all this is what the records say', async () => {
  expect(await readdir(join(host.instancesDir, guest.id))).not.toContain('snapshots');
  expect(await runInHost(host, ['ls', saveDir])).toBe('');
  expect(await findings(own)).toEqual([]);
});

function snapshot({ id }: Instance, how: object = {}): Promise<Image> {
  return run<Image>('snapshotInstance', { instanceId: id, name: 'shot', mode: 'cold', ...how });
}

async function stoppedAt(point: Stopped['point'], step: string, { id }: Instance): Promise<Stopped> {
  const request = { instanceId: id, name: 'shot', mode: 'cold' };
  const stopped = await startStopped(own, 'snapshotInstance', { step, point, request });
  await whenHit(own, stopped);
  return stopped;
}

/** The worker alone: what it started lives on. */
async function killWorker(): Promise<void> {
  const worker = own.workers.compute.get('cn1');
  if (worker === undefined) throw new Error('there is no worker of cn1');
  signalProcess(worker, 'SIGKILL');
  await whenEnded(worker);
}

async function conversionOn(): Promise<HostProcess | null> {
  return (await processesOf(host)).find(({ command }) => command.startsWith('qemu-img convert')) ?? null;
}

const stored = ({ id }: Image) => join(own.cloud.lab.sharedDir, 'images', id);

async function storedChecksum(image: Image): Promise<string> {
  return `sha256:${(await machine('sha256sum', [stored(image)])).split(' ', 1)[0]}`;
}

async function powerOf({ id }: Instance): Promise<string> {
  return (await runInHost(host, ['virsh', 'domstate', id])).trim();
}

function record({ id }: Instance): Promise<Instance> {
  return own.client.workflow.getHandle(`instance/${id}`).query<Instance>('record');
}

async function run<Result>(type: string, input: object): Promise<Result> {
  return (await start(type, input)).result() as Promise<Result>;
}

function start(type: string, input: object) {
  return own.client.workflow.start(type, { taskQueue: controlQueue, workflowId: `${type}-${randomUUID()}`, args: [input] });
}

function hostNamed(name: string): LabHost {
  const found = own.cloud.lab.hosts.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no host ${name}`);
  return found;
}
