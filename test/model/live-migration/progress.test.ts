import { expect, test } from 'vitest';
import { barOf, migrationProgress } from '../../../src/model/live-migration/progress.ts';

const MiB = 1024 ** 2;
const memory = new Map<string, unknown>([
  ['time_elapsed', 4000n],
  ['memory_total', BigInt(100 * MiB)],
  ['memory_processed', BigInt(40 * MiB)],
  ['memory_remaining', BigInt(60 * MiB)],
  ['memory_bps', BigInt(20 * MiB)],
  ['memory_dirty_rate', 2560n],
  ['memory_page_size', 4096n],
  ['memory_iteration', 3n],
  ['disk_total', BigInt(8 * MiB)],
  ['disk_processed', BigInt(8 * MiB)],
  ['disk_remaining', 0n],
]);
const disks = new Map<string, unknown>([
  ['time_elapsed', 1000n],
  ['disk_total', BigInt(8 * MiB)],
  ['disk_processed', BigInt(2 * MiB)],
  ['disk_remaining', BigInt(6 * MiB)],
  ['disk_bps', BigInt(3 * MiB)],
]);

test('a migration tells what is left of memory, how fast the guest changes it, and when it will be over', () => {
  expect(migrationProgress(memory, false)).toEqual({
    phase: 'memory',
    elapsedMs: 4000,
    memory: { totalBytes: 100 * MiB, doneBytes: 40 * MiB, remainingBytes: 60 * MiB },
    disks: { totalBytes: 8 * MiB, doneBytes: 8 * MiB, remainingBytes: 0 },
    dirtyBytesPerSecond: 10 * MiB,
    iteration: 3,
    throttlePercent: 0,
    expectedSeconds: 6,
  });
});

test('disks come first', () => {
  expect(migrationProgress(disks, false)).toMatchObject({ phase: 'disks', dirtyBytesPerSecond: null, expectedSeconds: 2 });
});

test('nobody knows the end of a migration whose guest changes more than is copied', () => {
  const busy = new Map([...memory, ['memory_dirty_rate', 9999n]]);
  expect(migrationProgress(busy, false).expectedSeconds).toBeNull();
  expect(migrationProgress(busy, true)).toMatchObject({ phase: 'switched', expectedSeconds: 3 });
});

test('the bar grows from disks to memory, and does not run backwards when the guest changes what was copied', () => {
  const first = barOf(migrationProgress(disks, false), 100 * MiB, null);
  expect(first).toEqual({ doneBytes: 2 * MiB, totalBytes: 108 * MiB });
  const second = barOf(migrationProgress(memory, false), 100 * MiB, first);
  expect(second).toEqual({ doneBytes: 48 * MiB, totalBytes: 108 * MiB });
  const again = barOf(migrationProgress(new Map([...memory, ['memory_remaining', BigInt(90 * MiB)]]), false), 100 * MiB, second);
  expect(again).toEqual(second);
});
