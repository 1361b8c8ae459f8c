import { expect, test } from 'vitest';
import { builtInFlavors, type Flavor, type Resources, resourcesOf } from '../../src/model/flavor.ts';

const flavor: Flavor = { name: 'f', vcpus: 2, memoryMiB: 4096, rootGiB: 40, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} };
const GiB = 1_073_741_824;

test.for<[string, Partial<Flavor>, number, Resources]>([
  ['a root disk takes its own size, whatever the image’s', {}, 100 * GiB, { vcpus: 2, memoryMiB: 4096, diskGiB: 40 }],
  ['a root of the image’s size takes that', { rootGiB: 0 }, 3 * GiB, { vcpus: 2, memoryMiB: 4096, diskGiB: 3 }],
  ['a root of the image’s size is rounded up', { rootGiB: 0 }, 3 * GiB + 1, { vcpus: 2, memoryMiB: 4096, diskGiB: 4 }],
  ['an ephemeral disk counts', { ephemeralGiB: 5 }, GiB, { vcpus: 2, memoryMiB: 4096, diskGiB: 45 }],
  ['swap counts in whole GiB', { swapMiB: 1025 }, GiB, { vcpus: 2, memoryMiB: 4096, diskGiB: 42 }],
  ['all count together', { rootGiB: 0, ephemeralGiB: 1, swapMiB: 1 }, 1, { vcpus: 2, memoryMiB: 4096, diskGiB: 3 }],
])('%s', ([, changes, imageBytes, expected]) => {
  expect(resourcesOf({ ...flavor, ...changes }, imageBytes)).toStrictEqual(expected);
});

test('every installation has the flavors that Nova once came with, and the lab’s', () => {
  expect(builtInFlavors.map(({ name, vcpus, memoryMiB, rootGiB }) => [name, vcpus, memoryMiB, rootGiB])).toStrictEqual([
    ['m1.tiny', 1, 512, 1],
    ['m1.small', 1, 2048, 20],
    ['m1.medium', 2, 4096, 40],
    ['m1.large', 4, 8192, 80],
    ['lab.tiny', 1, 128, 1],
  ]);
});
