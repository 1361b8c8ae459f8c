import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../../lab/run.ts';
import { diskBackends } from '../../src/activities/disks/backends.ts';
import { convertDisk } from '../../src/activities/qemu-img.ts';
import { loadConfig } from '../../src/config.ts';
import { loopDevice } from './devices.ts';
import { inActivity, siteIn } from './in-activity.ts';

const MiB = 1024 ** 2;
const instanceId = '6a1b2c3d-0000-4000-8000-000000000001';
const volumeGroup = `novaflow-test-${process.pid}`;

test.for(['thick', 'thin'] as const)(
  'a %s logical volume is the image, grown, and nothing of it is left when it is deleted',
  async (kind, { skip }) => {
    if (!existsSync('/dev/mapper/control')) skip('lvm: no device mapper');
    const device = await loopDevice(256);
    onTestFinished(() => device[Symbol.asyncDispose]());
    await run('vgcreate', [volumeGroup, device.path]);
    onTestFinished(() => run('vgremove', ['--yes', '--force', volumeGroup]).then(() => undefined));
    if (kind === 'thin') await run('lvcreate', ['--type', 'thin-pool', '--size', '128m', '--name', 'pool', volumeGroup]);
    const directory = await mkdtemp(join(tmpdir(), 'novaflow-lvm-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const image = Buffer.alloc(4 * MiB, 'image');
    const path = join(directory, 'base');
    await writeFile(path, image);

    const env = { NOVAFLOW_INSTANCES_DIR: directory, NOVAFLOW_IMAGES_TYPE: 'lvm', NOVAFLOW_LVM_VOLUME_GROUP: volumeGroup };
    const pool = kind === 'thin' ? { NOVAFLOW_LVM_THIN_POOL: 'pool' } : {};
    const { root, blank, devices } = diskBackends(loadConfig({ env: { ...env, ...pool } }));
    if (root.lvm === undefined || blank.lvm === undefined) throw new Error('there is no lvm backend');
    const { lvm } = root;
    const site = siteIn(directory, instanceId);
    const base = { path, format: 'raw', checksum: '', imageId: 'image', sizeBytes: image.length } as const;
    const placed = await lvm.place(site, { name: 'disk', sizeBytes: 16 * MiB, content: { of: 'image' } }, base);
    const disk = { ...placed, target: 'vda' };
    const volume = `/dev/${volumeGroup}/${instanceId}_disk`;
    expect(disk).toMatchObject({ kind: 'lvm', format: 'raw', sizeBytes: 16 * MiB, device: volume });
    expect(await inActivity(() => lvm.make(site, disk, base, 'quick'))).toBe(false);
    expect(await inActivity(() => lvm.make(site, disk, base, 'long'))).toBe(true);
    const content = await readFile(volume);
    expect({ bytes: content.length, isImage: content.subarray(0, image.length).equals(image) }).toEqual({ bytes: 16 * MiB, isImage: true });
    expect(await devices.list()).toEqual([{ path: volume, instanceId, disk: 'disk', difference: null }]);

    const extracted = join(directory, 'extracted');
    const conversion = { step: 'extract', from: volume, fromFormat: 'raw', to: extracted, toFormat: 'raw' } as const;
    await inActivity(() => convertDisk({ ...conversion, virtualSizeBytes: disk.sizeBytes, isScratch: true }));
    expect((await readFile(extracted)).equals(content)).toBe(true);

    expect(await devices.release(instanceId)).toEqual(kind === 'thin' ? [] : [volume]);
    await inActivity(() => devices.wipe(instanceId));
    expect(await devices.list()).toEqual([]);
  },
);
