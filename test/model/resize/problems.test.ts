import { expect, test } from 'vitest';
import type { Flavor } from '../../../src/model/flavor.ts';
import type { Disk } from '../../../src/model/instance.ts';
import { refusalToResize } from '../../../src/model/resize/problems.ts';

const GiB = 1024 ** 3;
const small: Flavor = { name: 'small', vcpus: 1, memoryMiB: 512, rootGiB: 10, ephemeralGiB: 4, swapMiB: 512, extraSpecs: {} };
const disk = (name: string, gib: number, more: Partial<Disk> = {}): Disk => ({
  ...{ name, target: 'vda', kind: 'raw', format: 'raw', sizeBytes: gib * GiB, backing: null },
  ...more,
});
const disks = [disk('disk', 10), disk('disk.local', 4)];
const none = { minRootGiB: 0, minMemoryMiB: 0 };

const verdicts: readonly [what: string, from: { flavor?: Flavor; disks?: readonly Disk[] }, to: Partial<Flavor>, why: string | null][] = [
  ['more memory', {}, { name: 'big', memoryMiB: 1024 }, null],
  ['less memory and fewer vCPUs', { flavor: { ...small, vcpus: 4 } }, { name: 'thin', memoryMiB: 64 }, null],
  ['a larger root', {}, { name: 'big', rootGiB: 11 }, null],
  ['a larger ephemeral disk', {}, { name: 'big', ephemeralGiB: 5 }, null],
  ['a smaller swap, which is made anew', {}, { name: 'big', swapMiB: 0 }, null],
  ['other extra specs under the same name', {}, { extraSpecs: { 'hw:mem_page_size': 'large' } }, null],
  ['the same', {}, {}, 'flavor is the flavor that the instance has: name another one'],
  [
    'a smaller root',
    {},
    { name: 'less', rootGiB: 9 },
    "flavor less has a root disk of 9 GiB, the instance's has 10 GiB: a disk never shrinks",
  ],
  [
    'a root of the image’s size after one of its own',
    {},
    { name: 'less', rootGiB: 0 },
    "flavor less has a root disk of the image's size, the instance's has 10 GiB",
  ],
  ['a root of the image’s size, as before', { flavor: { ...small, rootGiB: 0 } }, { name: 'big', rootGiB: 0, vcpus: 2 }, null],
  [
    'a root below what the image’s size was',
    { flavor: { ...small, rootGiB: 0 }, disks: [disk('disk', 2.5)] },
    { name: 'less', rootGiB: 2, ephemeralGiB: 4 },
    "flavor less has a root disk of 2 GiB, the instance's has 2.5 GiB: a disk never shrinks",
  ],
  [
    'a smaller ephemeral disk',
    {},
    { name: 'less', ephemeralGiB: 3 },
    "flavor less has 3 GiB of ephemeral disk, the instance's has 4 GiB: a disk never shrinks",
  ],
  [
    'less ephemeral disk than those that a request named',
    { disks: [disk('disk', 10), disk('disk.eph0', 2), disk('disk.eph1', 2)] },
    { name: 'less', ephemeralGiB: 3 },
    "flavor less has 3 GiB of ephemeral disk, the instance's has 4 GiB: a disk never shrinks",
  ],
  [
    'a root that fits the flavor before, on a device that is larger than that',
    { disks: [disk('disk', 100, { kind: 'isolate', device: '/dev/loop7' })] },
    { name: 'big', rootGiB: 11 },
    null,
  ],
];

test.for(verdicts)('a resize to %s is judged by the disks that there are', ([, { flavor = small, disks: present = disks }, to, why]) => {
  const instance = { flavor, disks: present };
  expect(refusalToResize({ instance, flavor: { ...flavor, ...to }, minimum: none })?.message ?? null).toBe(why);
});

test('a flavor that is below what the image wants is refused as in a build', () => {
  const wish = (to: Partial<Flavor>) => ({ instance: { flavor: small, disks: [] }, flavor: { ...small, ...to } });
  expect(refusalToResize({ ...wish({ memoryMiB: 64 }), minimum: { minRootGiB: 0, minMemoryMiB: 128 } })).toEqual({
    type: 'FlavorMemoryTooSmall',
    message: 'flavor small has 64 MiB of memory, the image wants 128 MiB',
  });
  expect(refusalToResize({ ...wish({ rootGiB: 11 }), minimum: { minRootGiB: 12, minMemoryMiB: 0 } })).toMatchObject({
    type: 'FlavorDiskTooSmall',
  });
});

test('the field at fault is named where the flavor is the one that the instance has', () => {
  expect(refusalToResize({ instance: { flavor: small, disks }, flavor: { ...small }, minimum: none })).toMatchObject({
    type: 'InvalidRequest',
    details: { fields: [{ field: 'flavor' }] },
  });
});
