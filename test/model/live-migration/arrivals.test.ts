import { expect, test } from 'vitest';
import type { Disk } from '../../../src/model/instance.ts';
import { type ArrivalWish, arrivalsOf, devicesFor, onDevices, passageOf } from '../../../src/model/live-migration/arrivals.ts';

const GiB = 1024 ** 3;
const backing = { imageId: 'image', checksum: 'sha256:00', format: 'raw' } as const;
const root: Disk = { name: 'disk', target: 'vda', kind: 'qcow2', format: 'qcow2', sizeBytes: GiB, backing };
const raw: Disk = { name: 'disk.local', target: 'vdb', kind: 'raw', format: 'raw', sizeBytes: 2 * GiB, backing: null };
const swap: Disk = { ...raw, name: 'disk.swap', target: 'vdc' };
const drive: Disk = { ...raw, name: 'disk.config', target: 'sda', format: 'iso' };
const device: Disk = { ...raw, kind: 'isolate', device: '/dev/loop7' };
const wish: ArrivalWish = { disks: [root, raw, swap, drive], storage: 'separate', sameBases: ['image'], blockMigration: 'auto' };
const shown = (changes: Partial<ArrivalWish>) => {
  const { refusal, arrivals } = arrivalsOf({ ...wish, ...changes });
  return refusal ?? arrivals.map(({ how }) => how).join(', ');
};

const copied = 'mirrored, mirrored, mirrored, sent';
const toCopy = 'has disks that the destination does not see: they are to be copied';
const notToCopy = 'has its disks on storage that both hosts share: nothing is to be copied';
const volume: Disk = { ...raw, kind: 'lvm', device: '/dev/vg/local' };

test.for<[what: string, changes: Partial<ArrivalWish>, expected: string]>([
  ['no storage is shared', {}, copied],
  ['copying is asked for', { blockMigration: 'yes' }, copied],
  ['copying is forbidden', { blockMigration: 'no' }, toCopy],
  ['the destination has another base', { sameBases: [] }, 'mirrored whole, mirrored, mirrored, sent'],
  ['storage is shared', { storage: 'shared' }, 'seen, seen, seen, seen'],
  ['storage is shared, and so are bases', { storage: 'shared', sameBases: [] }, 'seen, seen, seen, seen'],
  ['storage is shared and copying is forbidden', { storage: 'shared', blockMigration: 'no' }, 'seen, seen, seen, seen'],
  ['storage is shared and copying is asked for', { storage: 'shared', blockMigration: 'yes' }, notToCopy],
  ['a disk is a whole device', { disks: [root, device] }, 'mirrored, mirrored to a device'],
  ['a disk is a whole device and storage is shared', { disks: [root, device], storage: 'shared' }, 'seen, mirrored to a device'],
  ['one is a whole device, and copying is forbidden', { disks: [device], storage: 'shared', blockMigration: 'no' }, toCopy],
  ['a disk is a logical volume', { disks: [root, volume] }, 'mirrored, mirrored to a device'],
  ['a disk is a logical volume and storage is shared', { disks: [root, volume], storage: 'shared' }, 'seen, mirrored to a device'],
])('where %s the disks of a running guest move so', ([, changes, expected]) => {
  expect(shown(changes)).toBe(expected);
});

test('a disk whose base is not there arrives as large as it was, and stands on nothing', () => {
  const { arrivals } = arrivalsOf({ ...wish, disks: [root], sameBases: [] });
  expect(arrivals.map(({ to }) => to)).toEqual([{ ...root, backing: null }]);
});

test.for([
  ['whole device', device],
  ['logical volume', volume],
] as const)('a %s is asked for in exactly its size, and QEMU is told of the one that was given', ([, disk]) => {
  const { arrivals } = arrivalsOf({ ...wish, disks: [root, disk], storage: 'shared' });
  expect(devicesFor(arrivals)).toEqual([{ disk: 'disk.local', kind: disk.kind, sizeBytes: 2 * GiB, isExact: true }]);
  const given = onDevices(arrivals, [{ disk: 'disk.local', path: '/dev/loop9', sizeBytes: 2 * GiB }]);
  expect(given.map(({ to }) => to.device)).toEqual([undefined, '/dev/loop9']);
  expect(passageOf(given)).toEqual({ disks: ['vdb'], wholeDisks: [], devices: { vdb: '/dev/loop9' }, copied: 'overlays', isShared: true });
});
