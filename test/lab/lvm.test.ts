import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../../lab/run.ts';
import { diskBackends } from '../../src/activities/disks/backends.ts';
import { convertDisk } from '../../src/activities/qemu-img.ts';
import { loadConfig } from '../../src/config.ts';
import type { Disk } from '../../src/model/instance.ts';
import { loopDevice } from './devices.ts';
import { inActivity, siteIn } from './in-activity.ts';

const MiB = 1024 ** 2;
const instanceId = '6a1b2c3d-0000-4000-8000-000000000001';
const volumeGroup = `novaflow-test-${process.pid}`;

test.for(['thick', 'thin'] as const)(
  'a %s logical volume is the image, grown, and nothing of it is left when it is deleted',
  async (kind, { skip }) => {
    if (!existsSync('/dev/mapper/control')) skip('lvm: no device mapper');
    const { directory, backends } = await host(kind);
    const image = Buffer.alloc(4 * MiB, 'image');
    const path = join(directory, 'base');
    await writeFile(path, image);

    const { root, blank, devices } = backends;
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

test('a volume is made for a disk that comes from another host, and what left one behind is wiped before the next comes', async ({
  skip,
}) => {
  if (!existsSync('/dev/mapper/control')) skip('lvm: no device mapper');
  const { backends } = await host('thick');
  const { arrivals, devices } = backends;
  const wanted = { disk: 'disk', kind: 'lvm', sizeBytes: 10 * MiB, isExact: false } as const;
  const path = `/dev/${volumeGroup}/${instanceId}_disk`;
  const disk: Disk = { name: 'disk', target: 'vda', kind: 'lvm', format: 'raw', sizeBytes: 12 * MiB, device: path, backing: null };

  expect(await arrivals.whyNot(instanceId, [wanted, { ...wanted, disk: 'disk.local', sizeBytes: 246 * MiB }])).toBe(
    `volume group ${volumeGroup} has ${252 * MiB} bytes free, ${260 * MiB} are needed`,
  );
  expect(await arrivals.whyNot(instanceId, [{ ...wanted, isExact: true }])).toBe(
    `disk wants a volume of exactly ${10 * MiB} bytes: volume group ${volumeGroup} makes one of ${12 * MiB} bytes`,
  );
  const taken = [{ path, disk: 'disk', sizeBytes: 12 * MiB, isToClear: false }];
  expect(await arrivals.take(instanceId, [wanted])).toEqual(taken);
  expect(await arrivals.take(instanceId, [wanted])).toEqual(taken);
  expect(await devices.release(instanceId)).toEqual([]); // nothing was written to it
  expect(await devices.list()).toEqual([]);

  await arrivals.take(instanceId, [wanted]);
  await arrivals.begin(instanceId, disk);
  await writeFile(path, 'a secret of the tenant', { flag: 'r+' });
  await arrivals.finish(instanceId, disk);
  await arrivals.finish(instanceId, disk);
  const isWhole = { type: 'DestinationDiskExists', message: expect.stringContaining(`${path} is there and whole`) };
  await expect(arrivals.begin(instanceId, disk)).rejects.toMatchObject(isWhole);
  expect(await arrivals.whyNot(instanceId, [wanted])).toContain(`${path} is there and whole`);
  expect(await devices.release(instanceId, ['disk'])).toEqual([]);
  expect(await arrivals.whyNot(instanceId, [wanted])).toContain('is there and whole');

  expect(await devices.release(instanceId)).toEqual([path]);
  expect(await devices.release(instanceId)).toEqual([path]);
  await expect(arrivals.begin(instanceId, disk)).rejects.toMatchObject({ message: expect.stringContaining('was not given to disk') });
  expect(await arrivals.take(instanceId, [wanted])).toEqual([{ ...taken[0], isToClear: true }]);
  await inActivity(() => arrivals.clear(instanceId));
  expect(await arrivals.take(instanceId, [wanted])).toEqual(taken);
  expect((await readFile(path)).every((byte) => byte === 0)).toBe(true);

  await arrivals.begin(instanceId, disk);
  expect(await devices.release(instanceId)).toEqual([path]);
  await inActivity(() => devices.wipe(instanceId));
  expect(await devices.list()).toEqual([]);
});

/** A host with a volume group of 252 MiB. */
async function host(kind: 'thick' | 'thin') {
  const device = await loopDevice(256);
  onTestFinished(() => device[Symbol.asyncDispose]());
  await run('vgcreate', [volumeGroup, device.path]);
  onTestFinished(() => run('vgremove', ['--yes', '--force', volumeGroup]).then(() => undefined));
  if (kind === 'thin') await run('lvcreate', ['--type', 'thin-pool', '--size', '128m', '--name', 'pool', volumeGroup]);
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-lvm-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const env = { NOVAFLOW_INSTANCES_DIR: directory, NOVAFLOW_IMAGES_TYPE: 'lvm', NOVAFLOW_LVM_VOLUME_GROUP: volumeGroup };
  const pool = kind === 'thin' ? { NOVAFLOW_LVM_THIN_POOL: 'pool' } : {};
  return { directory, backends: diskBackends(loadConfig({ env: { ...env, ...pool } })) };
}
