import { describe, expect, test } from 'vitest';
import type { Disk } from '../../src/model/instance.ts';
import { backupTag, backupTagOf, formatOfImage, minRootGiBOf, outdated, snapshotProperties } from '../../src/model/snapshot.ts';

const GiB = 1024 ** 3;
const root: Disk = { name: 'disk', target: 'vda', kind: 'qcow2', format: 'qcow2', sizeBytes: GiB, backing: null };
const diskOf = (changes: Partial<Disk>): Disk => ({ ...root, ...changes });

test.for<[Disk['kind'], Disk['format'], string]>([
  ['qcow2', 'qcow2', 'qcow2'],
  ['raw', 'raw', 'raw'],
  ['lvm', 'raw', 'raw'],
  ['isolate', 'raw', 'raw'],
])('the image of a disk of kind %s and format %s has format %s when nobody says', ([kind, format, expected]) => {
  expect(formatOfImage(diskOf({ kind, format }))).toBe(expected);
});

test.for([
  [1, 1],
  [GiB, 1],
  [GiB + 1, 2],
  [20 * GiB, 20],
] as const)('the image of a disk of %i bytes needs %i GiB', ([sizeBytes, expected]) => {
  expect(minRootGiBOf(diskOf({ sizeBytes }))).toBe(expected);
});

describe('the properties of an image', () => {
  const instance = { id: 'i-1', image: 'base', disks: [root] };

  test('are those of the image before it and what was given, then whose it is', () => {
    const base = { hw_disk_bus: 'scsi', os_distro: 'debian' };
    expect(snapshotProperties(instance, root, base, { os_distro: 'ubuntu' }, null)).toEqual({
      hw_disk_bus: 'scsi',
      os_distro: 'ubuntu',
      image_type: 'snapshot',
      instance_uuid: 'i-1',
      base_image_ref: 'base',
    });
  });

  test('have nothing that says something of the image before it alone', () => {
    const base = { image_type: 'backup', backup_type: 'daily', instance_uuid: 'i-0', disks_not_contained: 'disk.swap', img_signature: 'x' };
    expect(snapshotProperties({ ...instance, image: null }, root, base, {}, null)).toEqual({
      image_type: 'snapshot',
      instance_uuid: 'i-1',
    });
  });

  test('cannot be given to say that it is another’s', () => {
    const given = { instance_uuid: 'i-0', image_type: 'backup' };
    expect(snapshotProperties(instance, root, {}, given, null)).toMatchObject({ instance_uuid: 'i-1', image_type: 'snapshot' });
  });

  test('say of a backup of which type it is, and list the disks that it does not contain', () => {
    const disks = [root, diskOf({ name: 'disk.eph0' }), diskOf({ name: 'disk.config' })];
    const properties = snapshotProperties({ ...instance, disks }, root, {}, {}, 'daily');
    expect(properties).toMatchObject({ image_type: 'backup', backup_type: 'daily', disks_not_contained: 'disk.eph0,disk.config' });
    expect(backupTagOf(properties)).toBe(backupTag('i-1', 'daily'));
  });
});

test.for([[{}], [{ image_type: 'snapshot', instance_uuid: 'i-1' }], [{ image_type: 'backup' }]])(
  'an image with the properties %j is no backup that takes turns',
  ([properties]) => {
    expect(backupTagOf(properties ?? {})).toBeNull();
  },
);

test.for([
  [3, []],
  [2, ['a']],
  [1, ['a', 'b']],
  [0, ['a', 'b', 'c']],
] as const)('with a rotation of %i the oldest go: %j', ([rotation, expected]) => {
  const backups = ['c', 'a', 'b'].map((id) => ({ id, createdAt: `2026-11-27T0${'abc'.indexOf(id)}:00:00.000Z` }));
  expect(outdated(backups, rotation).map(({ id }) => id)).toEqual(expected);
});
