import { execFileSync } from 'node:child_process';
import { stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeVessels } from '../../../src/activities/live-migration/vessels.ts';
import type { Backing, Disk } from '../../../src/model/instance.ts';
import type { Arrival } from '../../../src/model/live-migration/arrivals.ts';
import { parseInfo } from '../../../src/qemu/img.ts';
import { inActivity, ownDirectory } from '../surroundings.ts';

const MiB = 1024 ** 2;
/** No multiple of a cluster. */
const sizeBytes = 16 * MiB + 512;
const backing: Backing = { imageId: 'image', checksum: 'sha256:00', format: 'raw' };
const overlay: Disk = { name: 'disk', target: 'vda', kind: 'qcow2', format: 'qcow2', sizeBytes, backing };
const whole: Disk = { ...overlay, backing: null };
const raw: Disk = { ...whole, kind: 'raw', format: 'raw' };

/** A directory of an instance at a destination that has its base. */
async function world() {
  const directory = await ownDirectory();
  const base = join(directory, 'base');
  await writeFile(base, '');
  await truncate(base, 16 * MiB);
  const make = (arrival: Arrival) => inActivity(() => makeVessels({ directory, bases: { pathOf: () => base } }, [arrival]));
  return { base, path: join(directory, 'disk'), make };
}

const infoOf = (path: string, format: string) =>
  parseInfo(execFileSync('qemu-img', ['info', '--output=json', '-f', format, path], { encoding: 'utf8' }));

test.for<[what: string, arrival: Arrival, standsOnBase: boolean]>([
  ['an overlay', { how: 'mirrored', to: overlay }, true],
  ['a disk without its base', { how: 'mirrored whole', to: whole }, false],
  ['a raw disk', { how: 'mirrored', to: raw }, false],
])('%s is mirrored into an empty one of exactly its size', async ([, arrival, standsOnBase]) => {
  const { base, path, make } = await world();
  await make(arrival);
  const { virtualSizeBytes, backing: under } = infoOf(path, arrival.to.format);
  expect(virtualSizeBytes).toBe(sizeBytes);
  expect(under?.path ?? null).toBe(standsOnBase ? base : null);
  expect((await stat(path)).blocks * 512).toBeLessThan(MiB);
});

test('a disk that may be mirrored into already is never made anew', async () => {
  const { path, make } = await world();
  await make({ how: 'mirrored', to: raw });
  await writeFile(path, 'what the guest wrote');
  await make({ how: 'mirrored', to: raw });
  expect((await stat(path)).size).toBe('what the guest wrote'.length);
});

test.for(['seen', 'sent'] as const)('nothing is made for a disk that is %s', async (how) => {
  const { path, make } = await world();
  await make({ how, to: overlay });
  await expect(stat(path)).rejects.toThrow('ENOENT');
});
