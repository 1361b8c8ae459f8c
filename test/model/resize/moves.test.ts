import { expect, test } from 'vitest';
import type { Flavor } from '../../../src/model/flavor.ts';
import type { Disk } from '../../../src/model/instance.ts';
import { type DiskMove, diskMoves, type MoveWish, onDevices, whyNotOnItsHost } from '../../../src/model/resize/moves.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const flavor: Flavor = { name: 'old', vcpus: 1, memoryMiB: 512, rootGiB: 1, ephemeralGiB: 2, swapMiB: 512, extraSpecs: {} };
const backing = { imageId: 'image', checksum: 'sha256:00', format: 'raw' } as const;
const root: Disk = { name: 'disk', target: 'vda', kind: 'qcow2', format: 'qcow2', sizeBytes: GiB, backing };
const raw = (name: string, sizeBytes: number): Disk => ({ name, target: 'vdb', kind: 'raw', format: 'raw', sizeBytes, backing: null });
const local = raw('disk.local', 2 * GiB);
const swap = raw('disk.swap', 512 * MiB);
const drive: Disk = { ...raw('disk.config', MiB), format: 'iso' };
const device: Disk = { ...raw('disk', 3 * GiB), kind: 'isolate', device: '/dev/loop7' };

const shown = ({ how, to: { name, sizeBytes }, grows }: DiskMove) => `${name} ${how}${grows ? ` grows to ${sizeBytes / GiB} GiB` : ''}`;
const none = { storage: 'separate', sameBases: ['image'], rootBecomesCow: false } as const;
const moves = (disks: readonly Disk[], changes: Partial<MoveWish> = {}, to: Partial<Flavor> = {}) =>
  diskMoves({ instance: { disks, flavor }, flavor: { ...flavor, ...to }, ...none, ...changes });

test.for<[what: string, disks: readonly Disk[], wish: Partial<MoveWish>, expected: readonly string[]]>([
  ['an overlay whose base the destination has', [root], {}, ['disk copied']],
  ['an overlay whose base it cannot have', [root], { sameBases: [] }, ['disk flattened']],
  ['an overlay on shared storage, where its base is too', [root], { sameBases: [], storage: 'shared' }, ['disk copied']],
  ['an overlay on the same host', [root], { sameBases: [], storage: 'sameHost' }, ['disk copied']],
  ['a disk that stands on nothing', [raw('disk', GiB)], { sameBases: [] }, ['disk copied']],
  ['a whole device, to another host', [device], {}, ['disk written']],
  ['a whole device, between hosts that share a directory', [device], { storage: 'shared' }, ['disk written']],
  ['a whole device, on the same host', [device], { storage: 'sameHost' }, ['disk stays']],
  ['several disks', [root, local, swap, drive], {}, ['disk copied', 'disk.local copied', 'disk.swap made', 'disk.config copied']],
])('%s moves so', ([, disks, wish, expected]) => {
  const all = disks.length > 1 ? disks : [...disks, local, swap];
  const found = moves(all, wish).map(shown);
  expect(found).toEqual(disks.length > 1 ? expected : [...expected, 'disk.local copied', 'disk.swap made']);
});

test.for<[what: string, to: Partial<Flavor>, expected: readonly string[]]>([
  ['memory alone', { memoryMiB: 1024 }, ['disk copied', 'disk.local copied', 'disk.swap made']],
  ['the root', { rootGiB: 2 }, ['disk copied grows to 2 GiB', 'disk.local copied', 'disk.swap made']],
  ['the ephemeral disk', { ephemeralGiB: 3 }, ['disk copied', 'disk.local copied grows to 3 GiB', 'disk.swap made']],
  ['a root of the image’s size', { rootGiB: 0 }, ['disk copied', 'disk.local copied', 'disk.swap made']],
  ['no swap', { swapMiB: 0 }, ['disk copied', 'disk.local copied']],
])('a flavor with another %s grows only what became larger', ([, to, expected]) => {
  expect(moves([root, local, swap], {}, to).map(shown)).toEqual(expected);
});

test('disks that the flavor before did not have are made', () => {
  const bare = { ...flavor, ephemeralGiB: 0, swapMiB: 0 };
  const made = diskMoves({ instance: { disks: [root], flavor: bare }, flavor, ...none });
  expect(made.map(({ how, to: { name, sizeBytes } }) => [name, how, sizeBytes])).toEqual([
    ['disk', 'copied', GiB],
    ['disk.local', 'made', 2 * GiB],
    ['disk.swap', 'made', 512 * MiB],
  ]);
});

test('ephemeral disks that a request named are kept as they are, and no other is made beside them', () => {
  const named = [root, raw('disk.eph0', GiB), raw('disk.eph1', GiB)];
  expect(moves(named, {}, { ephemeralGiB: 8, swapMiB: 0 }).map(shown)).toEqual(['disk copied', 'disk.eph0 copied', 'disk.eph1 copied']);
});

test('a swap that a request made smaller is made as small again, unless the flavor’s own changes', () => {
  const small = raw('disk.swap', 128 * MiB);
  const sizeOfSwap = (to: Partial<Flavor>) => moves([root, small], {}, to).find((move) => move.to.name === 'disk.swap')?.to.sizeBytes;
  expect(sizeOfSwap({ memoryMiB: 1024 })).toBe(128 * MiB);
  expect(sizeOfSwap({ swapMiB: 1024 })).toBe(1024 * MiB);
  // An instance whose request named no swap, with a flavor that has some, has none after either.
  expect(moves([root, local]).map(shown)).toEqual(['disk copied', 'disk.local copied']);
});

test('a root disk becomes qcow2 where that is wished and it is a whole file; what is flattened stands on nothing', () => {
  const kindOf = (disk: Disk, changes: Partial<MoveWish>) => moves([disk, raw('disk.eph0', GiB)], changes).map(({ to }) => to.kind)[0];
  expect(kindOf(raw('disk', GiB), {})).toBe('raw');
  expect(kindOf(raw('disk', GiB), { rootBecomesCow: true })).toBe('qcow2');
  expect(kindOf(device, { rootBecomesCow: true })).toBe('isolate');
  expect(moves([root], { sameBases: [] })[0]?.to).toEqual({ name: 'disk', kind: 'qcow2', format: 'qcow2', sizeBytes: GiB, backing: null });
});

test('a whole device becomes the one that the destination gave it, as large as that is; other disks stay what they are', () => {
  const given = [{ disk: 'disk', path: '/dev/loop9', sizeBytes: 4 * GiB }];
  expect(onDevices(moves([device, local]), given).map(({ to }) => [to.name, to.device, to.sizeBytes])).toEqual([
    ['disk', '/dev/loop9', 4 * GiB],
    ['disk.local', undefined, 2 * GiB],
  ]);
  expect(onDevices(moves([root]), given)[0]?.to.device).toBeUndefined();
});

test.for<[what: string, wish: Partial<MoveWish>, to: Partial<Flavor>, refusal: string | null]>([
  ['memory alone', {}, { memoryMiB: 1024 }, null],
  ['a root that it has already', {}, { rootGiB: 3 }, null],
  [
    'a larger root',
    {},
    { rootGiB: 4 },
    `disk is a device of ${3 * GiB} bytes, ${4 * GiB} are wanted: on its host it stays as large as it is`,
  ],
  ['another swap', {}, { swapMiB: 64 }, expect.stringMatching(/^disk.swap is a device of .* bytes, 67108864 are wanted/)],
  ['no swap', {}, { swapMiB: 0 }, expect.stringMatching(/^disk.swap is a device of .* bytes, 0 are wanted/)],
  ['a larger root, and another host', { storage: 'shared' }, { rootGiB: 4, swapMiB: 0 }, null],
])('a device stays as large as it is on its host: a flavor with %s', ([, wish, to, refusal]) => {
  const disks = [device, { ...swap, kind: 'lvm', device: '/dev/vg/swap' } as const, local];
  const storage = wish.storage ?? 'sameHost';
  expect(whyNotOnItsHost(moves(disks, { storage }, to), disks, storage)).toEqual(refusal);
});
