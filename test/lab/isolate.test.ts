import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../../lab/run.ts';
import { type DiskBackends, diskBackends } from '../../src/activities/disks/backends.ts';
import { loadConfig } from '../../src/config.ts';
import { type LoopDevice, loopDevice } from './devices.ts';
import { inActivity, siteIn } from './in-activity.ts';

const MiB = 1024 ** 2;
const one = '6a1b2c3d-0000-4000-8000-000000000001';
const two = '6a1b2c3d-0000-4000-8000-000000000002';
const three = '6a1b2c3d-0000-4000-8000-000000000003';
const root = { name: 'disk', sizeBytes: 16 * MiB, content: { of: 'image' } } as const;

test('two builds at once never get the same device, and a third is told who has them', async () => {
  const { take, devices } = await host([32, 64]);
  const taken = await Promise.all([take(one), take(two)]);
  expect(taken.map(({ device }) => device).toSorted()).toEqual(devices.map(({ path }) => path).toSorted());
  expect(taken.map(({ sizeBytes }) => sizeBytes).toSorted((a, b) => a - b)).toEqual([32 * MiB, 64 * MiB]);
  await expect(take(three)).rejects.toMatchObject({
    type: 'DiskSpaceLow',
    message: expect.stringMatching(new RegExp(`is of instance (${one}|${two}); .* is of instance (${one}|${two})$`)),
  });
  expect(await take(one)).toEqual(taken[0]);
});

test('the smallest device that is large enough is taken', async () => {
  const { take, devices } = await host([64, 8, 32]);
  expect(await take(one)).toMatchObject({ kind: 'isolate', format: 'raw', device: devices[2]?.path, sizeBytes: 32 * MiB });
});

test('a device that is mounted, held or carries something is refused, with the reason', async () => {
  const { take, devices, directory } = await host([32, 32, 8]);
  const [mounted, carrying, small] = devices.map(({ path }) => path);
  await run('mkfs.ext4', ['-q', mounted ?? '']);
  const mountPoint = join(directory, 'mounted');
  await mkdir(mountPoint);
  await run('mount', [mounted ?? '', mountPoint]);
  onTestFinished(() => run('umount', [mountPoint]).then(() => undefined));
  await run('mkswap', [carrying ?? '']);
  const refusal = await take(one).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ type: 'DiskSpaceLow' });
  expect(String(refusal)).toContain(`${mounted} is mounted, or another program has it for itself`);
  expect(String(refusal)).toContain(`${carrying} carries swap: wipe it, or say so in isolate.devices`);
  expect(String(refusal)).toContain(`${small} has ${8 * MiB} bytes`);
});

test('a root disk is the image on a device that is nobody else’s, is written once, and is zeros when the next one gets it', async () => {
  const { take, make, devices, backends, base } = await host([32]);
  const [device] = devices;
  await take(one);
  expect(await make(one, 'quick')).toBe(false);
  expect(await make(one, 'long')).toBe(true);
  expect((await contentOf(device)).subarray(0, base.length).equals(base)).toBe(true);

  await write(device, 20 * MiB, 'a secret of the tenant');
  expect(await make(one, 'quick')).toBe(true);
  expect((await contentOf(device)).includes('a secret of the tenant')).toBe(true);

  expect(await backends.devices.release(one)).toEqual([device?.path]);
  await expect(take(two)).rejects.toMatchObject({
    type: 'DiskSpaceLow',
    message: expect.stringContaining(`is of instance ${one}, to be wiped`),
  });
  await inActivity(() => backends.devices.wipe(one));
  expect((await contentOf(device)).every((byte) => byte === 0)).toBe(true);
  expect(await take(two)).toMatchObject({ device: device?.path });
});

test('what a device carried is wiped before the image is written, where the configuration says that it may be', async () => {
  const { take, make, devices } = await host([32], { wipe: true });
  const [device] = devices;
  await run('mkfs.ext4', ['-q', device?.path ?? '']);
  await write(device, 20 * MiB, 'a secret of the operator');
  await take(one);
  expect(await make(one, 'long')).toBe(true);
  expect((await contentOf(device)).includes('a secret of the operator')).toBe(false);
});

test('a device whose image was half written is written again', async () => {
  const { take, make, devices, directory, base } = await host([32]);
  await take(one);
  await make(one, 'long');
  const file = join(directory, '.devices-cn1.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace('"ready"', '"writing"'));
  await write(devices[0], 0, 'half of an image');
  expect(await make(one, 'long')).toBe(true);
  expect((await contentOf(devices[0])).subarray(0, base.length).equals(base)).toBe(true);
});

test('another drive under the path of a claimed one is neither used nor wiped', async () => {
  const { take, make, devices, backends, directory } = await host([32]);
  const [device] = devices;
  await take(one);
  await make(one, 'long');
  const other = join(directory, 'other.img');
  await run('truncate', ['--size', '32M', other]);
  await run('losetup', ['--detach', device?.path ?? '']);
  await run('losetup', [device?.path ?? '', other]);
  const refused = { type: 'DeviceDiffers', message: expect.stringContaining(`its file is ${other}`) };
  await expect(backends.devices.check(one)).rejects.toMatchObject(refused);
  await expect(take(one)).rejects.toMatchObject(refused);
  expect(await backends.devices.list()).toMatchObject([
    { path: device?.path, instanceId: one, disk: 'disk', difference: expect.any(String) },
  ]);
  await backends.devices.release(one);
  await expect(inActivity(() => backends.devices.wipe(one))).rejects.toMatchObject(refused);
});

test('a disk that an instance had not before is taken from it, and its own stays', async () => {
  const { take, make, backends, site, devices } = await host([32, 32]);
  await take(one);
  await make(one, 'long');
  await inActivity(async () => backends.blank.isolate?.place(site(one), { ...root, name: 'disk.local' } as never));
  const own = await take(one);
  expect(await backends.devices.release(one, ['disk'])).toEqual([]); // nothing was written to it
  expect(await backends.devices.list()).toMatchObject([{ path: own.device, disk: 'disk' }]);
  expect(devices.map(({ path }) => path)).toContain((await take(two)).device);
});

test('an ephemeral disk is formatted on its device, which takes no longer than a quick step', async () => {
  const { backends, site, devices } = await host([32]);
  const wanted = { name: 'disk.local', sizeBytes: 16 * MiB, content: { of: 'fileSystem', type: 'ext4', label: 'ephemeral0' } } as const;
  const blank = backends.blank.isolate;
  const disk = await inActivity(async () => blank?.place(site(one), wanted));
  const fill = (path: string) => run('mkfs.ext4', ['-q', '-F', '-L', 'ephemeral0', path]).then(() => undefined);
  expect(await inActivity(async () => blank?.make(site(one), { ...disk, target: 'vdb' } as never, fill, 'quick'))).toBe(true);
  expect(await run('blkid', ['-p', '-o', 'value', '-s', 'LABEL', devices[0]?.path ?? ''])).toContain('ephemeral0');
});

/** A host with devices of these sizes. */
async function host(sizesMiB: readonly number[], { wipe = false } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-isolate-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const devices: LoopDevice[] = [];
  for (const size of sizesMiB) devices.push(await loopDevice(size));
  onTestFinished(async () => {
    for (const device of devices) await device[Symbol.asyncDispose]();
  });
  const pool = JSON.stringify(devices.map(({ path }) => ({ path, wipe })));
  const env = { NOVAFLOW_INSTANCES_DIR: directory, NOVAFLOW_HOST_NAME: 'cn1', NOVAFLOW_ISOLATE_DEVICES: pool };
  const backends: DiskBackends = diskBackends(loadConfig({ env }));
  const base = Buffer.alloc(4 * MiB, 'image');
  const path = join(directory, 'base');
  await writeFile(path, base);
  const source = { path, format: 'raw', checksum: '', imageId: 'image', sizeBytes: base.length } as const;
  const site = (instanceId: string) => siteIn(directory, instanceId);
  const rootBackend = backends.root.isolate;
  if (rootBackend === undefined) throw new Error('there is no isolate backend');
  const take = (instanceId: string) => inActivity(() => rootBackend.place(site(instanceId), root, source));
  return {
    directory,
    devices,
    backends,
    base,
    site,
    take,
    make: async (instanceId: string, patience: 'quick' | 'long') => {
      const disk = { ...(await take(instanceId)), target: 'vda' };
      return inActivity(() => rootBackend.make(site(instanceId), disk, source, patience));
    },
  };
}

async function contentOf(device: LoopDevice | undefined): Promise<Buffer> {
  return readFile(device?.path ?? '');
}

async function write(device: LoopDevice | undefined, at: number, text: string): Promise<void> {
  await using file = await open(device?.path ?? '', 'r+');
  await file.write(text, at);
  await file.sync();
}
