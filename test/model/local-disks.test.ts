import { describe, expect, test } from 'vitest';
import type { Flavor } from '../../src/model/flavor.ts';
import { type BlockDevice, blockDeviceProblems, localDisksOf, unknownFormats } from '../../src/model/local-disks.ts';

const flavor: Flavor = { name: 'f', vcpus: 1, memoryMiB: 64, rootGiB: 1, ephemeralGiB: 4, swapMiB: 2048, extraSpecs: {} };
const bare: Flavor = { ...flavor, ephemeralGiB: 0, swapMiB: 0 };
const blank = (changes: Partial<BlockDevice> = {}): BlockDevice => ({ source: 'blank', destination: 'local', ...changes });
const root = (changes: Partial<BlockDevice> = {}): BlockDevice => ({ source: 'image', destination: 'local', bootIndex: 0, ...changes });

test.for<readonly [string, Flavor, readonly BlockDevice[], object]>([
  ['a flavor without any has none', bare, [], { ephemerals: [], swapMiB: 0 }],
  ['a flavor has its own', flavor, [], { ephemerals: [{ name: 'disk.local', sizeGiB: 4, fileSystem: null }], swapMiB: 2048 }],
  [
    "ephemeral disks that are named take the place of the flavor's",
    flavor,
    [root(), blank({ sizeGiB: 1, guestFormat: 'ext4' }), blank({ sizeGiB: 2, bootIndex: -1 })],
    {
      swapMiB: 2048,
      ephemerals: [
        { name: 'disk.eph0', sizeGiB: 1, fileSystem: 'ext4' },
        { name: 'disk.eph1', sizeGiB: 2, fileSystem: null },
      ],
    },
  ],
  [
    "one without a size is as large as the flavor's",
    flavor,
    [blank({ guestFormat: 'xfs' })],
    { ephemerals: [{ name: 'disk.eph0', sizeGiB: 4, fileSystem: 'xfs' }], swapMiB: 2048 },
  ],
  [
    "a swap that is named goes before the flavor's",
    flavor,
    [blank({ guestFormat: 'swap', sizeGiB: 1 })],
    { ephemerals: [{ name: 'disk.local', sizeGiB: 4, fileSystem: null }], swapMiB: 1024 },
  ],
  [
    "one without a size is the flavor's",
    flavor,
    [blank({ guestFormat: 'swap' })],
    { ephemerals: [{ name: 'disk.local', sizeGiB: 4, fileSystem: null }], swapMiB: 2048 },
  ],
])('%s', ([_what, of, devices, disks]) => {
  expect(blockDeviceProblems(of, 'tiny', devices)).toEqual([]);
  expect(localDisksOf(of, devices)).toEqual(disks);
});

describe('refused', () => {
  test.for<readonly [BlockDevice | readonly BlockDevice[], string, string, Flavor?]>([
    [blank({ sizeGiB: 5 }), '[0].sizeGiB', 'takes 5 GiB, flavor f has 4 GiB of ephemeral disk'],
    [[blank({ sizeGiB: 3 }), blank({ sizeGiB: 2 })], '[1].sizeGiB', 'and the others take 5 GiB, flavor f has 4 GiB of ephemeral disk'],
    [blank(), '[0].sizeGiB', 'takes 0 GiB, flavor f has 0 GiB of ephemeral disk', bare],
    [blank({ guestFormat: 'swap', sizeGiB: 3 }), '[0].sizeGiB', 'takes 3072 MiB, flavor f has 2048 MiB of swap'],
    [blank({ guestFormat: 'swap' }), '[0].sizeGiB', 'takes 0 MiB, flavor f has 0 MiB of swap', bare],
    [[blank({ guestFormat: 'swap' }), blank({ guestFormat: 'swap' })], '[1]', 'is a second swap: an instance has one'],
    [blank({ bootIndex: 0 }), '[0].bootIndex', 'must be -1 or left out: nothing boots from a blank disk'],
    [blank({ id: 'tiny' }), '[0].id', 'is nothing that a blank disk has'],
    [root({ bootIndex: 1 }), '[0].bootIndex', 'must be 0: the disk of the image is the one that boots'],
    [{ source: 'image', destination: 'local' }, '[0].bootIndex', 'must be 0: the disk of the image is the one that boots'],
    [root({ id: 'large' }), '[0].id', 'must be the image of the request, or left out'],
    [root({ sizeGiB: 9 }), '[0].sizeGiB', "must be left out: the root disk's size is the flavor's"],
    [root({ guestFormat: 'ext4' }), '[0].guestFormat', 'must be left out: the image has its own'],
    [[root(), root({ id: 'tiny' })], '[1]', 'is a second disk of an image: there is one root disk'],
  ])('%j: %s %s', ([devices, field, message, of = flavor]) => {
    expect(blockDeviceProblems(of, 'tiny', [devices].flat())).toEqual([{ field: `blockDevices${field}`, message }]);
  });

  test.for(['reiserfs', 'EXT4', 'ext4 -O x', '../ext4'])('a format %s', (guestFormat) => {
    expect(unknownFormats([blank({ guestFormat })])).toEqual([
      { field: 'blockDevices[0].guestFormat', message: `is ${guestFormat}, which is no format of ours` },
    ]);
  });
});

test.for(['ext2', 'ext3', 'ext4', 'xfs', 'vfat', 'ntfs', 'swap'])('the format %s is known', (guestFormat) => {
  expect(unknownFormats([blank({ guestFormat })])).toEqual([]);
});
