import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, type LabHost, processesOf, runInHost, signalProcess } from '../../lab/lab.ts';
import { run as machine } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { findings, letGo, startStopped, whenHit } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { blankImage } from './blank-image.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { type LoopDevice, loopDevice } from './devices.ts';
import { journalOf, journalOn, seenGuest } from './seen-guest.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';
/** How images of whole disks are made, which then boot: in the long run of a raw one too, and of guests that go on. */
const modes = isLongRun ? (['live', 'cold'] as const) : (['cold'] as const);
/** An image of a whole disk takes as much as the disk, twice. */
const instancesSizeMiB = isLongRun ? 3072 : 300;
const flavor = { name: 'disks', vcpus: 1, memoryMiB: 128, rootGiB: 1, ephemeralGiB: 1, swapMiB: 256 };

/** Its root is as large as the device that it gets. */
const onDevice = { ...flavor, rootGiB: 0, ephemeralGiB: 0 };

let own: OwnCloud;
let device: LoopDevice;
let blank: string;

// cn1 keeps disks as most hosts do; cn2 in one way after another.
beforeAll(async () => {
  device = await loopDevice(256);
  own = await ownCloud('disks', { NOVAFLOW_HOST_CAPACITY_DISK_GIB: '100' }, { instancesSizeMiB });
  await importGuest(own.cloud, await buildGuest({}));
  blank = await blankImage(own);
}, 120_000);
afterAll(async () => {
  await own?.[Symbol.asyncDispose]();
  await device?.[Symbol.asyncDispose]();
});

test('a guest sees its root disk, grown, its ephemeral disk, its swap and its config drive', async () => {
  const instance = await built('cn1', 'qcow2', { image: 'tiny', flavor });
  expect(instance.disks.map(({ name, target, kind, format }) => `${name} ${target} ${kind} ${format}`)).toEqual([
    'disk vda qcow2 qcow2',
    'disk.local vdb raw raw',
    'disk.swap vdc raw raw',
    'disk.config vdz raw iso',
  ]);
  expect(await disksSeenBy(instance)).toEqual([
    `vda ${GiB} ext4 guest-root`,
    `vdb ${GiB} ext4 ephemeral0`,
    `vdc ${256 * MiB} swap -`,
    expect.stringMatching(/^vdd \d+ iso9660 /),
  ]);
  const host = hostNamed('cn1');
  const directory = join(host.instancesDir, instance.id);
  expect(await readdir(directory)).toEqual(expect.arrayContaining(['console.log', 'disk.info', 'libvirt.xml']));
  expect(JSON.parse(await readFile(join(directory, 'disk.info'), 'utf8'))).toEqual({ disks: instance.disks.slice(0, 3) });
  expect(await readFile(join(directory, 'libvirt.xml'), 'utf8')).toContain(`<uuid>${instance.id}</uuid>`);
  await deleted(instance);
});

test('a raw root disk is a file of its own, and disks that a request names take the place of those of its flavor', async () => {
  await keepDisks('cn2', { NOVAFLOW_IMAGES_TYPE: 'raw' });
  const blank = { source: 'blank', destination: 'local', sizeGiB: 1 };
  const blockDevices = [
    { ...blank, guestFormat: 'swap' },
    { ...blank, guestFormat: 'ext3' },
    { ...blank, guestFormat: 'ext2' },
  ];
  const instance = await built('cn2', 'raw', { image: 'tiny', flavor: { ...flavor, ephemeralGiB: 2, swapMiB: 1024 }, blockDevices });
  expect(instance.disks[0]).toMatchObject({ kind: 'raw', format: 'raw', sizeBytes: GiB, backing: null });
  expect((await disksSeenBy(instance)).slice(0, 4)).toEqual([
    `vda ${GiB} ext4 guest-root`,
    `vdb ${GiB} ext3 ephemeral0`,
    `vdc ${GiB} ext2 ephemeral1`,
    `vdd ${GiB} swap -`,
  ]);
  for (const mode of isLongRun ? modes : []) {
    const image = await imageOf(instance, { mode, bootsOn: 'cn1' });
    expect(image).toEqual({ diskFormat: 'raw', virtualSizeBytes: GiB, journal: [expect.stringMatching(/^boot 1 /)] });
  }
  await deleted(instance);
});

test('an isolate root disk is a whole device, which is wiped and free when its instance is deleted', async () => {
  await keepDisks('cn2', isolated());
  const instance = await built('cn2', 'isolate', { image: 'tiny', flavor: onDevice });
  expect(instance.disks[0]).toMatchObject({ kind: 'isolate', format: 'raw', sizeBytes: 256 * MiB, device: device.path });
  expect((await disksSeenBy(instance)).slice(0, 2)).toEqual([`vda ${256 * MiB} ext4 guest-root`, `vdb ${256 * MiB} swap -`]);
  expect(await runInHost(hostNamed('cn2'), ['virsh', 'domblklist', instance.id])).toContain(device.path);
  for (const mode of modes) {
    const image = await imageOf(instance, { mode, bootsOn: 'cn1' });
    expect(image).toEqual({ diskFormat: 'raw', virtualSizeBytes: 256 * MiB, journal: [expect.stringMatching(/^boot 1 /)] });
  }

  expect(await findings(own)).toEqual([]);
  await deleted(instance);
  expect(await machine('blkid', ['-p', device.path]).catch(() => 'nothing')).toBe('nothing');
  await deleted(await built('cn2', 'isolate-again', { image: 'tiny', flavor: onDevice }));
});

/** Four devices are wiped in it: in the long run. */
const movesOf = isLongRun ? ['a whole device'] : [];

test.for(movesOf)('an instance on %s moves to one of another host, running or not, and what it leaves is wiped', async () => {
  await using first = await loopDevice(96);
  await using same = await loopDevice(96);
  await using larger = await loopDevice(128);
  await machine('sh', ['-c', `tr '\\0' x </dev/zero | dd of=${same.path} bs=1M count=96 iflag=fullblock status=none`]); // what nobody knows
  await keepDisks('cn2', isolated(first, larger));
  await keepDisks('cn1', isolated(same));
  const instance = await built('cn2', 'moves', { image: 'tiny', flavor: { ...flavor, rootGiB: 0, ephemeralGiB: 0, swapMiB: 0 } });
  const { id: instanceId } = instance;
  expect(instance.disks[0]).toMatchObject({ kind: 'isolate', device: first.path });
  await seenGuest(instance, hostNamed('cn2')).whenTick(2);

  const arrived = await run<Instance>('liveMigrateInstance', { instanceId });
  expect(arrived.disks[0]).toMatchObject({ kind: 'isolate', device: same.path, sizeBytes: 96 * MiB });
  expect(await runInHost(hostNamed('cn1'), ['virsh', 'domblklist', instanceId])).toContain(same.path);
  const there = seenGuest(instance, hostNamed('cn1'));
  await there.whenTick((await there.lastTick()) + 2);
  expect(await isBlank(first)).toBe(true);
  expect(await findings(own)).toEqual([]);

  await run('stopInstance', { instanceId });
  const held = await start('migrateInstance', { instanceId });
  await whenResized(instanceId);
  expect(await bytesOf(first)).toEqual(await bytesOf(same));
  await held.executeUpdate('revert', { args: [{}] });
  expect(await held.result()).toMatchObject({ host: 'cn1', disks: [{ device: same.path }, {}] });
  expect(await isBlank(first)).toBe(true);
  expect(await findings(own)).toEqual([]);
  await run('startInstance', { instanceId });
  await there.whenBooted(1);

  await keepDisks('cn2', isolated(larger));
  const moved = await start('migrateInstance', { instanceId });
  expect((await whenResized(instanceId)).disks[0]).toMatchObject({ device: larger.path, sizeBytes: 128 * MiB });
  expect(await isBlank(same)).toBe(false);
  await seenGuest(instance, hostNamed('cn2')).whenBooted(1);
  await moved.executeUpdate('confirm', { args: [{}] });
  await moved.result();
  expect(await isBlank(same)).toBe(true);
  expect((await imageOf(instance)).journal.map((line) => line.split(' ')[1])).toEqual(['1', '2', '3']);
  const nowhere = await endOf(await start('liveMigrateInstance', { instanceId }));
  expect(nowhere).toMatchObject({ message: expect.stringContaining(`has no free device of exactly ${128 * MiB} bytes for disk`) });
  await deleted(instance);
  expect(await isBlank(larger)).toBe(true);
});

/** In the long run. */
const wipePoints = isLongRun ? (['during', 'after'] as const) : [];

test.each(wipePoints)('a worker that is killed %s the wipe of a device is followed by one that wipes it and frees it', async (point) => {
  await keepDisks('cn2', isolated());
  const { id: instanceId } = await built('cn2', `wiped-${point}`, { image: 'tiny', flavor: onDevice });
  const stopped = await startStopped(own, 'deleteInstance', { step: 'wipeDisks', point, request: { instanceId } });
  await whenHit(own, stopped);
  await letGo(own, stopped);
  await keepDisks('cn2', isolated());
  expect(await stopped.run.result()).toMatchObject({ vmState: 'deleted' });
  expect(await machine('blkid', ['-p', device.path]).catch(() => 'nothing')).toBe('nothing');
  expect(await findings(own)).toEqual([]);
  await deleted(await built('cn2', `wiped-${point}-again`, { image: 'tiny', flavor: onDevice }));
});

/** Overlays take the same ways: they are in the long run. */
const imagesTypes = isLongRun ? ['qcow2', 'raw'] : ['raw'];

describe.each(imagesTypes)('where root disks are %s', (imagesType) => {
  beforeAll(() => keepDisks('cn1', { NOVAFLOW_IMAGES_TYPE: imagesType }));

  test('a worker that is killed with its commands while disks are half made makes them anew', async () => {
    const workflowId = `killed-${imagesType}`;
    const file = join(own.faultsDirectory, `halfway.createDisks.${workflowId}`);
    await writeFile(file, '');
    const build = await onlyOn('cn1', async () => {
      const started = await start('buildInstance', { name: 'killed', image: blank, flavor }, workflowId);
      await until(() => (existsSync(`${file}.hit`) ? true : null), { what: 'half-made disks', timeoutMs: 60_000 });
      return started;
    });
    await rm(file);
    await keepDisks('cn1', { NOVAFLOW_IMAGES_TYPE: imagesType });
    const instance = (await build.result()) as Instance;
    expect(instance.disks.map(({ name }) => name)).toEqual(['disk', 'disk.local', 'disk.swap', 'disk.config']);
    expect(await findings(own)).toEqual([]);
    await deleted(instance);
  });

  test('a build on a full file system ends in DiskSpaceLow and leaves nothing, and one goes through when there is room again', async () => {
    const { instancesDir } = hostNamed('cn1');
    const filler = join(instancesDir, 'filler');
    await machine('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M']).catch(() => undefined);
    await truncate(filler, (await stat(filler)).size - 2 * MiB);
    const end = await onlyOn('cn1', async () =>
      endOf(await start('buildInstance', { name: 'full', image: blank, flavor: { ...flavor, ephemeralGiB: 90 } })),
    );
    await rm(filler);
    expect(end).toMatchObject({ type: 'DiskSpaceLow' });
    expect(await findings(own)).toEqual([]);
    await deleted(await built('cn1', 'roomy', { image: blank, flavor }));
  });
});

/** A host whose root disks are whole devices: these. */
function isolated(...devices: readonly LoopDevice[]) {
  const pool = devices.length === 0 ? [device] : devices;
  return { NOVAFLOW_IMAGES_TYPE: 'isolate', NOVAFLOW_ISOLATE_DEVICES: JSON.stringify(pool.map(({ path }) => ({ path }))) };
}

async function bytesOf({ path }: LoopDevice): Promise<string> {
  return machine('sha256sum', [path]).then((line) => line.split(' ')[0] ?? '');
}

/** Whether a device holds nothing. */
async function isBlank({ path }: LoopDevice): Promise<boolean> {
  return (await readFile(path)).every((byte) => byte === 0);
}

function whenResized(instanceId: string): Promise<Instance> {
  const look = async () => {
    const instance = await own.client.workflow.getHandle(`instance/${instanceId}`).query<Instance>('record');
    return instance.vmState === 'resized' ? instance : null;
  };
  return until(look, { what: `${instanceId} to be resized`, timeoutMs: 60_000, intervalMs: 50 });
}

async function built(host: string, name: string, request: object): Promise<Instance> {
  return onlyOn(host, () => run<Instance>('buildInstance', { name, ...request }));
}

/** Does `work` while no other host takes instances. */
async function onlyOn<T>(host: string, work: () => Promise<T>): Promise<T> {
  const others = own.cloud.lab.hosts.filter((one) => one.name !== host);
  for (const other of others) await run('disableHost', { host: other.name, reason: 'the test wants another' });
  try {
    return await work();
  } finally {
    for (const other of others) await run('enableHost', { host: other.name });
  }
}

/** What an image of its root disk is, by default made while the guest is away, and what the guest noted on it; on `bootsOn` one that is built from it boots. */
async function imageOf(
  { id: instanceId }: Instance,
  { mode = 'cold', bootsOn }: { readonly mode?: 'live' | 'cold'; readonly bootsOn?: string } = {},
) {
  const image = await run<Image>('snapshotInstance', { instanceId, name: 'shot', mode });
  const { diskFormat, virtualSizeBytes } = image;
  const journal = await journalOn({ path: join(own.cloud.lab.sharedDir, 'images', image.id), format: 'raw' });
  if (bootsOn !== undefined) {
    const noted = [...journal, expect.stringMatching(new RegExp(`^boot ${journal.length + 1} `))];
    expect(await journalOfFirstBoot(bootsOn, image)).toEqual(noted);
  }
  await run('deleteImage', { imageId: image.id });
  return { diskFormat, virtualSizeBytes, journal };
}

/** What an instance has on its root disk that was built from the image and has booted once. */
async function journalOfFirstBoot(name: string, image: Image): Promise<readonly string[]> {
  const host = hostNamed(name);
  const instance = await built(name, 'again', { image: image.id, flavor: 'lab.tiny' });
  await seenGuest(instance, host).whenBooted(1);
  await run('stopInstance', { instanceId: instance.id });
  const journal = await journalOf(instance, host, own.cloud.lab);
  await run('deleteInstance', { instanceId: instance.id });
  return journal;
}

/** Deletes it, and sees that nothing of it is left anywhere. */
async function deleted({ id }: Instance): Promise<void> {
  await run('deleteInstance', { instanceId: id });
  expect(await findings(own)).toEqual([]);
}

/** What the guest says of its disks, in order: device, bytes, type, label. */
async function disksSeenBy({ id, host }: Instance): Promise<readonly string[]> {
  const console = join(hostNamed(host ?? '').instancesDir, id, 'console.log');
  const look = async () => {
    const text = await readFile(console, 'utf8').catch(() => '');
    return text.includes('DISKS SHOWN') ? text : null;
  };
  const text = await until(look, { what: `the disks of ${id}`, timeoutMs: 60_000, intervalMs: 50 });
  return text.split(/\r?\n/).flatMap((line) => (line.startsWith('DISK ') ? line.slice('DISK '.length) : []));
}

/** Kills the worker of a host with its commands, and starts it with these settings. */
async function keepDisks(name: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const worker = own.workers.compute.get(name);
  const commands = (await processesOf(hostNamed(name))).filter(({ command }) => /qemu-img|genisoimage|mkfs|mkswap|^cp/.test(command));
  for (const process of [worker, ...commands]) if (process !== undefined) signalProcess(process, 'SIGKILL');
  await own.restartCompute(name, settings);
}

function hostNamed(name: string): LabHost {
  const host = own.cloud.lab.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`there is no host ${name}`);
  return host;
}

async function run<Result>(type: string, input: object): Promise<Result> {
  return (await start(type, input)).result() as Promise<Result>;
}

function start(type: string, input: object, workflowId = `${type}-${crypto.randomUUID()}`) {
  return own.client.workflow.start(type, { taskQueue: controlQueue, workflowId, args: [input] });
}
