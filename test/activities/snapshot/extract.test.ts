import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { WhileHolding } from '../../../src/activities/holding.ts';
import { extractActivities } from '../../../src/activities/snapshot/extract.ts';
import { copyOfDisk, extractedImage, snapshotPlace } from '../../../src/activities/snapshot/files.ts';
import { DomainState } from '../../../src/libvirt/index.ts';
import type { Disk } from '../../../src/model/instance.ts';
import type { SnapshotFormat } from '../../../src/model/snapshot.ts';
import { fakeLibvirt } from '../fake-libvirt.ts';
import { inActivity, ownDirectory } from '../surroundings.ts';

const MiB = 1024 ** 2;
const imageId = 'image-1';
const token = { run: 'run', generation: 1 };
const content = Buffer.from(Uint8Array.from({ length: 2 * MiB }, (_, index) => (index % 251) + 1));

/** An instance whose guest is off, in a directory of its own; its disk is that of the test. */
async function world(state: number = DomainState.shutoff) {
  const directory = await ownDirectory();
  const whileHolding: WhileHolding = (_id, _token, work) => work(directory);
  const checked: string[] = [];
  const devices = {
    check: async (id: string) => void checked.push(id),
    release: async () => [],
    wipe: async () => {},
    list: async () => [],
  };
  const { libvirt } = fakeLibvirt({ state });
  const activities = extractActivities(libvirt, whileHolding, devices, { instancesDir: join(directory, '..') });
  const of = { token, instanceId: 'instance-1', imageId };
  const image = await extractedImage(directory, imageId);
  return {
    ...{ directory, image, checked, of, activities },
    extract: (disk: Disk, format: SnapshotFormat, isCompressed = false) =>
      inActivity(() => activities.extractSnapshot({ ...of, source: { of: 'disk', disk }, format, isCompressed })),
    files: () => readdir(snapshotPlace(directory, imageId)),
  };
}

function diskOf(changes: Partial<Disk>): Disk {
  return { name: 'disk', target: 'vda', kind: 'raw', format: 'raw', sizeBytes: content.length, backing: null, ...changes };
}

/** Whether two disks hold the same, holes and zeros being alike. */
function areSame([format, path]: readonly [string, string], [otherFormat, other]: readonly [string, string]): boolean {
  execFileSync('qemu-img', ['compare', '-q', '-f', format, '-F', otherFormat, path, other]);
  return true;
}

function infoOf(path: string): Record<string, unknown> {
  return JSON.parse(execFileSync('qemu-img', ['info', '--output=json', path], { encoding: 'utf8' })) as Record<string, unknown>;
}

test('an overlay becomes an image of its own, with what its base has', async () => {
  const { directory, image, extract, files } = await world();
  await writeFile(join(directory, 'base'), content);
  const disk = join(directory, 'disk');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', join(directory, 'base'), disk, `${8 * MiB}`]);
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -q -P 0x5a ${4 * MiB} 65536`, disk]);
  await extract(diskOf({ kind: 'qcow2', format: 'qcow2', sizeBytes: 8 * MiB }), 'qcow2');
  expect(infoOf(image)).toMatchObject({ format: 'qcow2', 'virtual-size': 8 * MiB });
  expect(infoOf(image)).not.toHaveProperty('backing-filename');
  expect(areSame(['qcow2', disk], ['qcow2', image])).toBe(true);
  expect(await files()).toHaveLength(1);
});

test.for<SnapshotFormat>(['raw', 'qcow2'])('a flat disk becomes an image of format %s', async (format) => {
  const { directory, image, extract } = await world();
  await writeFile(join(directory, 'disk'), content);
  await extract(diskOf({}), format);
  expect(areSame(['raw', join(directory, 'disk')], [format, image])).toBe(true);
});

test.for(['isolate', 'lvm'] as const)(
  'a disk of kind %s is read from the device that is recorded, which is looked at before',
  async (kind) => {
    const { directory, image, checked, extract } = await world();
    const device = join(directory, 'device');
    await writeFile(device, content);
    await extract(diskOf({ kind, device }), 'raw');
    expect((await readFile(image)).equals(content)).toBe(true);
    expect(checked).toEqual(['instance-1']);
  },
);

test('a flat disk that a guest made look like an overlay is read as it is recorded', async () => {
  const { directory, image, extract } = await world();
  const disk = join(directory, 'disk');
  await writeFile(join(directory, 'secret'), content);
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', join(directory, 'secret'), disk]);
  await truncate(disk, MiB);
  await extract(diskOf({ sizeBytes: MiB }), 'qcow2');
  expect(infoOf(image)).toMatchObject({ 'virtual-size': MiB });
  expect(areSame(['raw', disk], ['qcow2', image])).toBe(true);
});

test('the disk of a guest that runs is not read', async () => {
  const { directory, extract } = await world(DomainState.running);
  await writeFile(join(directory, 'disk'), content);
  await expect(extract(diskOf({}), 'raw')).rejects.toMatchObject({ type: 'DomainStateConflict', nonRetryable: true });
  expect(await readdir(directory)).toEqual(['disk']);
});

test('what was extracted is kept by a repetition, what an attempt left half is not, nor what was written before the host started anew', async () => {
  const { directory, image, extract, files } = await world();
  await writeFile(join(directory, 'disk'), content);
  await mkdir(snapshotPlace(directory, imageId), { recursive: true });
  await writeFile(`${image}.partial`, 'half');
  await writeFile(join(snapshotPlace(directory, imageId), 'image-00000000-0000-4000-8000-000000000000'), 'of another life');
  await extract(diskOf({}), 'raw');
  expect((await readFile(image)).equals(content)).toBe(true);
  const { ino } = await stat(image);
  await extract(diskOf({}), 'raw');
  expect((await stat(image)).ino).toBe(ino);
  expect(await files()).toHaveLength(2);
});

test('a copy that was taken of a running guest is gone once the image is whole', async () => {
  const { directory, image, activities, of, files } = await world(DomainState.running);
  await mkdir(snapshotPlace(directory, imageId), { recursive: true });
  await writeFile(copyOfDisk(directory, imageId), content);
  const source = { of: 'copy', format: 'raw', sizeBytes: content.length } as const;
  await inActivity(() => activities.extractSnapshot({ ...of, source, format: 'raw', isCompressed: false }));
  expect((await readFile(image)).equals(content)).toBe(true);
  expect(await files()).toHaveLength(1);
});

test('an image is compressed while it is extracted, or afterwards, and once more does no harm', async () => {
  const { directory, image, activities, of, extract } = await world();
  await writeFile(join(directory, 'disk'), content);
  await extract(diskOf({}), 'qcow2');
  const { size } = await stat(image);
  for (const _ of ['once', 'once more']) await inActivity(() => activities.compressSnapshot({ ...of, format: 'qcow2' }));
  const compressed = (await stat(image)).size;
  expect(compressed).toBeLessThan(size / 4);
  expect(areSame(['raw', join(directory, 'disk')], ['qcow2', image])).toBe(true);

  await activities.removeSnapshot(of);
  await extract(diskOf({}), 'qcow2', true);
  expect((await stat(image)).size).toBe(compressed);
});

test('what is to be compressed and is gone with a start of the host is said to be lost', async () => {
  const { activities, of } = await world();
  const lost = inActivity(() => activities.compressSnapshot({ ...of, format: 'qcow2' }));
  await expect(lost).rejects.toMatchObject({ type: 'SnapshotLost', nonRetryable: true });
});

test('a large disk with little in it costs little, and its room is measured by that', async () => {
  const { directory, image, activities, of, extract } = await world();
  const disk = join(directory, 'disk');
  await writeFile(disk, content);
  await truncate(disk, 2 ** 42);
  await extract(diskOf({ sizeBytes: 2 ** 42 }), 'qcow2');
  expect((await stat(image)).blocks * 512).toBeLessThan(4 * content.length);
  await activities.removeSnapshot(of);
  await extract(diskOf({ sizeBytes: 2 ** 42 }), 'raw');
  expect((await stat(image)).blocks * 512).toBeLessThan(2 * content.length);
});

test('nothing of an image stays in the directory, and what is of another image does', async () => {
  const { directory, activities, of, extract } = await world();
  await writeFile(join(directory, 'disk'), content);
  await extract(diskOf({}), 'raw');
  await mkdir(snapshotPlace(directory, 'image-2'));
  await activities.removeSnapshot(of);
  expect(await readdir(join(directory, 'snapshots'))).toEqual(['image-2']);
  for (const _ of ['once', 'once more']) await activities.removeSnapshot({ ...of, imageId: 'image-2' });
  expect(await readdir(directory)).toEqual(['disk']);
});
