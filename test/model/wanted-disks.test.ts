import { expect, test } from 'vitest';
import type { Flavor } from '../../src/model/flavor.ts';
import { type DiskWishes, wantedDisks } from '../../src/model/wanted-disks.ts';

const GiB = 1024 ** 3;
const flavor: Flavor = { name: 'f', vcpus: 1, memoryMiB: 64, rootGiB: 2, ephemeralGiB: 3, swapMiB: 512, extraSpecs: {} };
const wishes: DiskWishes = {
  flavor,
  imageVirtualSizeBytes: 7,
  osType: 'linux',
  localDisks: { ephemerals: [], swapMiB: 0 },
  defaultFileSystem: null,
};
const local = { name: 'disk.local', sizeGiB: 3, fileSystem: null } as const;

test('the root disk is as large as the flavor says, or as the image where it says 0', () => {
  const root = { name: 'disk', content: { of: 'image' } };
  expect(wantedDisks(wishes)).toEqual([{ ...root, sizeBytes: 2 * GiB }]);
  expect(wantedDisks({ ...wishes, flavor: { ...flavor, rootGiB: 0 } })).toEqual([{ ...root, sizeBytes: 7 }]);
});

test('disks follow one another: root, ephemeral disks, swap', () => {
  const ephemerals = [
    { name: 'disk.eph0', sizeGiB: 1, fileSystem: 'ext3' },
    { name: 'disk.eph1', sizeGiB: 2, fileSystem: null },
  ] as const;
  expect(wantedDisks({ ...wishes, localDisks: { ephemerals, swapMiB: 512 } }).slice(1)).toEqual([
    { name: 'disk.eph0', sizeBytes: GiB, content: { of: 'fileSystem', type: 'ext3', label: 'ephemeral0' } },
    { name: 'disk.eph1', sizeBytes: 2 * GiB, content: { of: 'fileSystem', type: 'ext4', label: 'ephemeral1' } },
    { name: 'disk.swap', sizeBytes: GiB / 2, content: { of: 'swap' } },
  ]);
});

test.for([
  ['linux', null, 'ext4'],
  ['windows', null, 'ntfs'],
  ['plan9', null, 'vfat'],
  [undefined, null, 'vfat'],
  ['windows', 'xfs', 'xfs'],
  [undefined, 'ext4', 'ext4'],
] as const)('for an os_type %s and a configured %s an ephemeral disk is %s', ([osType, defaultFileSystem, type]) => {
  const [, disk] = wantedDisks({ ...wishes, osType, defaultFileSystem, localDisks: { ephemerals: [local], swapMiB: 0 } });
  expect(disk?.content).toEqual({ of: 'fileSystem', type, label: 'ephemeral0' });
});
