import { expect, test } from 'vitest';
import type { Resources } from '../../src/model/flavor.ts';
import { capacityOf, freeOf, type Ratios, shortage, usedBy } from '../../src/model/host.ts';
import { inventory } from './hosts.ts';

test('claims add up, and no claims hold nothing', () => {
  const claims = [
    { vcpus: 1, memoryMiB: 512, diskGiB: 1 },
    { vcpus: 4, memoryMiB: 2048, diskGiB: 20 },
  ];
  expect(usedBy(claims)).toStrictEqual({ vcpus: 5, memoryMiB: 2560, diskGiB: 21 });
  expect(usedBy([])).toStrictEqual({ vcpus: 0, memoryMiB: 0, diskGiB: 0 });
});

test.for<[string, Resources, Ratios, Resources]>([
  [
    'is the inventory',
    { vcpus: 0, memoryMiB: 0, diskGiB: 0 },
    { vcpus: 1, memory: 1, disk: 1 },
    { vcpus: 8, memoryMiB: 16_384, diskGiB: 100 },
  ],
  [
    'lacks what is reserved',
    { vcpus: 1, memoryMiB: 384, diskGiB: 10 },
    { vcpus: 1, memory: 1, disk: 1 },
    { vcpus: 7, memoryMiB: 16_000, diskGiB: 90 },
  ],
  [
    'is multiplied after the reserve is taken',
    { vcpus: 2, memoryMiB: 384, diskGiB: 0 },
    { vcpus: 16, memory: 1.5, disk: 2 },
    { vcpus: 96, memoryMiB: 24_000, diskGiB: 200 },
  ],
  [
    'is rounded down',
    { vcpus: 1, memoryMiB: 1, diskGiB: 1 },
    { vcpus: 1.5, memory: 0.5, disk: 0.25 },
    { vcpus: 10, memoryMiB: 8191, diskGiB: 24 },
  ],
])('a host’s capacity %s', ([, reserved, ratios, expected]) => {
  expect(capacityOf({ inventory, reserved, ratios })).toStrictEqual(expected);
});

test('what is free may be below nothing, when a ratio was lowered', () => {
  expect(freeOf({ vcpus: 8, memoryMiB: 1024, diskGiB: 10 }, { vcpus: 16, memoryMiB: 24, diskGiB: 10 })).toStrictEqual({
    vcpus: -8,
    memoryMiB: 1000,
    diskGiB: 0,
  });
});

const free: Resources = { vcpus: 2, memoryMiB: 512, diskGiB: 0 };

test.for<[Resources, string | null]>([
  [{ vcpus: 2, memoryMiB: 512, diskGiB: 0 }, null],
  [{ vcpus: 3, memoryMiB: 512, diskGiB: 0 }, 'cn1 has 2 vCPUs free, 3 wanted'],
  [{ vcpus: 1, memoryMiB: 513, diskGiB: 0 }, 'cn1 has 512 MiB memory free, 513 wanted'],
  [{ vcpus: 1, memoryMiB: 1, diskGiB: 1 }, 'cn1 has 0 GiB disk free, 1 wanted'],
  [
    { vcpus: 4, memoryMiB: 4096, diskGiB: 20 },
    'cn1 has 2 vCPUs free, 4 wanted; 512 MiB memory free, 4096 wanted; 0 GiB disk free, 20 wanted',
  ],
])('the shortage of %o is told', ([wanted, expected]) => {
  expect(shortage('cn1', free, wanted)).toBe(expected);
});
