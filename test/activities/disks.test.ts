import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ImageRef } from '../../src/activities/accept/images.ts';
import { baseCache } from '../../src/activities/base-cache.ts';
import { diskBackends } from '../../src/activities/disks/backends.ts';
import { diskActivities } from '../../src/activities/disks.ts';
import { holdingIn } from '../../src/activities/holding.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import type { Flavor } from '../../src/model/flavor.ts';
import type { Instance } from '../../src/model/instance.ts';
import { begin, emptyInstance } from '../../src/model/instance-record.ts';
import type { LocalDisks } from '../../src/model/local-disks.ts';
import { infoArgs, parseInfo } from '../../src/qemu/img.ts';
import { inActivity, ownDirectory } from './surroundings.ts';

const MiB = 1024 ** 2;
const instanceId = '6a1b2c3d-0000-4000-8000-000000000001';
const token = { run: 'run', generation: 1 };
const flavor: Flavor = { name: 'tiny', vcpus: 1, memoryMiB: 128, rootGiB: 1, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} };

function instanceOf(changes: Partial<Flavor> = {}): Instance {
  const create = {
    id: instanceId,
    name: 'web1',
    projectId: 'project',
    userId: 'user',
    flavor: { ...flavor, ...changes },
    image: 'root',
    availabilityZone: null,
    metadata: {},
  };
  const run = { workflowId: 'build/1', runId: 'run', firstRunId: 'run' };
  const message = {
    run,
    type: 'buildInstance',
    part: 1,
    userId: 'user',
    taskState: 'scheduling',
    create,
    isAdmin: true,
    takeOver: false,
  } as const;
  const { record } = begin(emptyInstance, message, '2026-11-20T10:00:00.000Z');
  if (record === null) throw new Error('begin made no record');
  return record;
}

/** A host and a store with a raw root image of 2 MiB, a kernel and a ramdisk. */
async function world(imagesType: Config['imagesType'] = 'qcow2', configDriveFormat: Config['configDriveFormat'] = 'iso9660') {
  const directory = await ownDirectory();
  const instancesDir = join(directory, 'instances');
  const store = join(directory, 'store');
  await mkdir(store);
  const stored = async (id: string, diskFormat: ImageRef['diskFormat'], content: Buffer): Promise<ImageRef> => {
    await writeFile(join(store, id), content);
    const checksum = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    return { id, checksum, diskFormat, virtualSizeBytes: content.length };
  };
  const image = {
    root: await stored('root', 'raw', Buffer.alloc(2 * MiB, 'r')),
    kernel: await stored('kernel', 'aki', Buffer.from('kernel')),
    ramdisk: await stored('ramdisk', 'ari', Buffer.from('ramdisk')),
    properties: {},
  };
  const bases = baseCache({ instancesDir, imageStore: { directory: store }, forceRawImages: true });
  const backends = diskBackends(loadConfig({ env: { NOVAFLOW_INSTANCES_DIR: instancesDir } }));
  const activities = (type = imagesType) =>
    diskActivities(holdingIn(instancesDir), bases, backends, {
      imagesType: type,
      growFileSystem: 'auto',
      defaultEphemeralFormat: null,
      configDriveFormat,
    });
  const { createDisks, fetchBases } = activities();
  const home = join(instancesDir, instanceId);
  return {
    image,
    bases,
    home,
    fetch: () => inActivity(() => fetchBases({ token, images: [image.root, image.kernel, image.ramdisk] })),
    create: (instance = instanceOf(), hasConfigDrive = true) =>
      inActivity(() => createDisks({ token, instance, image, vifs: [], publicKeys: [], hasConfigDrive })),
    createDrive: (properties: Readonly<Record<string, string>>) =>
      inActivity(() =>
        createDisks({ token, instance: instanceOf(), image: { ...image, properties }, vifs: [], publicKeys: [], hasConfigDrive: true }),
      ),
    createWith: (localDisks: LocalDisks, properties = {}) =>
      inActivity(() =>
        createDisks({
          token,
          instance: instanceOf(),
          image: { ...image, properties },
          vifs: [],
          publicKeys: [],
          hasConfigDrive: false,
          localDisks,
        }),
      ),
    createAs: (type: Config['imagesType']) =>
      inActivity(() =>
        activities(type).createDisks({ token, instance: instanceOf(), image, vifs: [], publicKeys: [], hasConfigDrive: true }),
      ),
    info: () => parseInfo(execFileSync('qemu-img', [...infoArgs({ path: join(home, 'disk'), format: 'qcow2' })]).toString()),
    files: async () => (await readdir(home)).sort(),
  };
}

test('images that are not on the host yet are told, and nothing is made', async () => {
  const { create, image, files } = await world();
  expect(await create()).toStrictEqual({ disks: [], missing: [image.root, image.kernel, image.ramdisk], takesLong: false, warnings: [] });
  expect(await files()).toStrictEqual(['generation', 'lock']);
});

describe('the disks of an instance', () => {
  test('are an overlay on the base, a config drive, and copies of what boots it', async () => {
    const { create, fetch, image, bases, files, info, home } = await world();
    await fetch();
    expect(await create()).toStrictEqual({
      missing: [],
      takesLong: false,
      warnings: [],
      disks: [
        {
          name: 'disk',
          target: 'vda',
          kind: 'qcow2',
          format: 'qcow2',
          sizeBytes: 1024 * MiB,
          backing: { imageId: 'root', checksum: image.root.checksum, format: 'raw' },
        },
        { name: 'disk.config', target: 'vdz', kind: 'raw', format: 'iso', sizeBytes: expect.any(Number), backing: null },
      ],
    });
    expect(await files()).toStrictEqual(['disk', 'disk.config', 'disk.info', 'generation', 'kernel', 'lock', 'ramdisk']);
    expect(info()).toMatchObject({
      format: 'qcow2',
      virtualSizeBytes: 1024 * MiB,
      backing: { path: bases.pathOf('root'), format: 'raw' },
    });
    expect(await readFile(join(home, 'kernel'), 'utf8')).toBe('kernel');
  });

  test('of a flavor without a root size are as large as the image', async () => {
    const { create, fetch, info } = await world();
    await fetch();
    expect(await create(instanceOf({ rootGiB: 0 }))).toMatchObject({ disks: [{ sizeBytes: 2 * MiB }, {}] });
    expect(info().virtualSizeBytes).toBe(2 * MiB);
  });

  test('have no config drive where none is wanted', async () => {
    const { create, fetch, files } = await world();
    await fetch();
    expect((await create(instanceOf(), false)).disks.map(({ name }) => name)).toStrictEqual(['disk']);
    expect(await files()).not.toContain('disk.config');
  });

  test.for([
    [{}, 'raw', 'vfat'],
    [{ hw_cdrom_bus: 'sata' }, 'iso', 'iso9660'],
    [{ hw_disk_bus: 'sata' }, 'iso', 'iso9660'],
  ] as const)('for an image with %j have a config drive that a guest can read, on a host that makes them of vfat', async (row) => {
    const [properties, format, fileSystem] = row;
    const { createDrive, fetch, home } = await world('qcow2', 'vfat');
    await fetch();
    expect((await createDrive(properties)).disks.at(-1)).toMatchObject({ name: 'disk.config', format });
    const type = execFileSync('blkid', ['-p', '-o', 'value', '-s', 'TYPE', join(home, 'disk.config')])
      .toString()
      .trim();
    expect(type).toBe(fileSystem);
  });

  test('that are there are kept: a guest may write to them', async () => {
    const { create, fetch, home } = await world();
    await fetch();
    const first = await create();
    const { ino } = await stat(join(home, 'disk'));
    expect(await create()).toStrictEqual(first);
    expect((await stat(join(home, 'disk'))).ino).toBe(ino);
  });

  test('that an attempt made half-way are made anew', async () => {
    const { create, fetch, home, files, info } = await world();
    await fetch();
    await mkdir(home, { recursive: true });
    await writeFile(join(home, 'disk.partial'), 'half an overlay');
    await mkdir(join(home, 'config-drive.partial'));
    await writeFile(join(home, 'config-drive.partial', 'meta-data'), 'half a');
    await create();
    expect(info().virtualSizeBytes).toBe(1024 * MiB);
    expect(await files()).toStrictEqual(['disk', 'disk.config', 'disk.info', 'generation', 'kernel', 'lock', 'ramdisk']);
  });
});

describe('ephemeral disks and swap', () => {
  const localDisks: LocalDisks = {
    ephemerals: [
      { name: 'disk.eph0', sizeGiB: 2, fileSystem: 'ext3' },
      { name: 'disk.eph1', sizeGiB: 1, fileSystem: null },
    ],
    swapMiB: 64,
  };

  test('are formatted as asked, whole, sparse, and for root alone', async () => {
    const { createWith, fetch, home, files } = await world();
    await fetch();
    expect((await createWith(localDisks, { os_type: 'linux' })).disks.map(({ name, target }) => `${name} ${target}`)).toEqual([
      'disk vda',
      'disk.eph0 vdb',
      'disk.eph1 vdc',
      'disk.swap vdd',
    ]);
    expect(await files()).toEqual(expect.arrayContaining(['disk.eph0', 'disk.eph1', 'disk.swap']));
    const probed = (name: string) => execFileSync('blkid', ['-p', '-o', 'export', join(home, name)]).toString();
    expect(probed('disk.eph0')).toMatch(/LABEL=ephemeral0\n[\s\S]*TYPE=ext3/);
    expect(probed('disk.eph1')).toMatch(/LABEL=ephemeral1\n[\s\S]*TYPE=ext4/);
    expect(probed('disk.swap')).toContain('TYPE=swap');
    for (const [name, size] of [
      ['disk.eph0', 2048 * MiB],
      ['disk.swap', 64 * MiB],
    ] as const) {
      const seen = await stat(join(home, name));
      expect({ size: seen.size, mode: seen.mode & 0o777, isSparse: seen.blocks * 512 < size / 10 }).toEqual({
        size,
        mode: 0o600,
        isSparse: true,
      });
    }
  });

  test('that are there are kept', async () => {
    const { createWith, fetch, home } = await world();
    await fetch();
    const first = await createWith(localDisks);
    const inodes = async () => Promise.all(first.disks.map(async ({ name }) => (await stat(join(home, name))).ino));
    const before = await inodes();
    expect(await createWith(localDisks)).toEqual(first);
    expect(await inodes()).toEqual(before);
  });

  test('of a format that the host has no command for are refused by the name of the command', async () => {
    const { createWith, fetch } = await world();
    await fetch();
    const path = process.env['PATH'];
    onTestFinished(() => {
      process.env['PATH'] = path;
    });
    const bin = await ownDirectory();
    for (const command of ['qemu-img', 'timeout', 'prlimit'])
      await symlink(execFileSync('which', [command]).toString().trim(), join(bin, command));
    process.env['PATH'] = bin;
    await expect(createWith({ ephemerals: [{ name: 'disk.local', sizeGiB: 1, fileSystem: 'ntfs' }], swapMiB: 0 })).rejects.toMatchObject({
      type: 'FormatUnusableHere',
      message: 'this host cannot make ntfs: mkfs.ntfs is not installed',
    });
  });
});

test('an image that is larger than its record says does not get a root disk that is too small for it', async () => {
  const { create, fetch, bases, image, files } = await world();
  await fetch();
  await truncate(bases.pathOf(image.root.id), 1024 * MiB + 1);
  await expect(create()).rejects.toMatchObject({
    type: 'FlavorDiskTooSmall',
    message: 'flavor tiny has a root disk of 1 GiB, the image wants 1.00 GiB',
  });
  expect(await files()).not.toContain('disk');
});

describe('a raw root disk', () => {
  test('is the whole image, grown to the flavor, and takes no more of the host than the image', async () => {
    const { create, fetch, home } = await world('raw');
    await fetch();
    expect((await create()).disks[0]).toStrictEqual({
      name: 'disk',
      target: 'vda',
      kind: 'raw',
      format: 'raw',
      sizeBytes: 1024 * MiB,
      backing: null,
    });
    const { size, blocks } = await stat(join(home, 'disk'));
    expect({ size, isSparse: blocks * 512 <= 2 * MiB }).toEqual({ size: 1024 * MiB, isSparse: true });
    await using disk = await open(join(home, 'disk'));
    const { buffer } = await disk.read(Buffer.alloc(2 * MiB), 0, 2 * MiB, 0);
    expect(buffer.equals(Buffer.alloc(2 * MiB, 'r'))).toBe(true);
  });

  test('that was begun stays raw when the configuration says something else by then', async () => {
    const { create, fetch, home, createAs } = await world('raw');
    await fetch();
    const { disks } = await create();
    await rm(join(home, 'disk'));
    expect((await createAs('qcow2')).disks).toStrictEqual(disks);
  });
});
