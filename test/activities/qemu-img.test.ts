import { execFileSync } from 'node:child_process';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Progress, progressHolder } from '../../src/activities/progress.ts';
import { checkDisk, convertDisk, diskInfo } from '../../src/activities/qemu-img.ts';
import type { ReadableFormat } from '../../src/qemu/img.ts';
import { inActivity, ownDirectory } from './surroundings.ts';

const MiB = 1024 ** 2;
/** Every byte differs from its neighbours, so that nothing is left out as zeros. */
const content = Buffer.from(Uint8Array.from({ length: 4 * MiB }, (_, index) => (index % 251) + 1));

interface Disks {
  readonly at: (name: string) => string;
}

/** A directory with `raw`, and the same as `qcow2` and as a stream-optimized `vmdk`. */
async function disks(): Promise<Disks> {
  const directory = await ownDirectory();
  const at = (name: string) => join(directory, name);
  await writeFile(at('raw'), content);
  const convert = (...args: string[]) => execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', ...args]);
  convert('qcow2', at('raw'), at('qcow2'));
  convert('vmdk', '-o', 'subformat=streamOptimized', at('raw'), at('vmdk'));
  return { at };
}

test.for<ReadableFormat>(['raw', 'qcow2', 'vmdk'])('a disk of format %s is known by its name and virtual size', async (format) => {
  const { at } = await disks();
  expect(await diskInfo({ path: at(format), format })).toMatchObject({ format, virtualSizeBytes: content.length, backing: null });
});

test.for<ReadableFormat>(['raw', 'qcow2', 'vmdk'])('a conversion from %s has every byte, and tells how far it is', async (fromFormat) => {
  const { at } = await disks();
  const told: Progress[] = [];
  const teller = {
    get current() {
      return told.at(-1) ?? null;
    },
    set current(progress: Progress | null) {
      if (progress !== null) told.push(progress);
    },
  };
  const size = { virtualSizeBytes: content.length };
  const convert = () => convertDisk({ step: 'convert', from: at(fromFormat), fromFormat, to: at('new'), toFormat: 'raw', ...size });
  await progressHolder.run(teller, () => inActivity(convert));
  expect((await readFile(at('new'))).equals(content)).toBe(true);
  expect(told[0]).toStrictEqual({ step: 'convert', doneBytes: 0, totalBytes: content.length });
  expect(told.at(-1)).toStrictEqual({ step: 'convert', doneBytes: content.length, totalBytes: content.length });
});

test.for(['qcow2', 'vmdk'] as const)('a %s whose tables point behind its end is refused', async (format) => {
  const { at } = await disks();
  const path = at(format);
  const check = async () => checkDisk({ path, format, sizeBytes: (await readFile(path)).length });
  await check();
  await truncate(path, Math.floor((await readFile(path)).length / 2));
  await expect(check()).rejects.toMatchObject({
    type: 'ImageUnacceptable',
    message: expect.stringContaining('qemu-img cannot read the image'),
  });
});

test('what qemu-img cannot read is at fault itself', async () => {
  const { at } = await disks();
  const refused = { type: 'ImageUnacceptable', nonRetryable: true };
  await expect(diskInfo({ path: at('raw'), format: 'qcow2' })).rejects.toMatchObject(refused);
  const convert = convertDisk({ step: 'x', from: at('raw'), fromFormat: 'vmdk', to: at('new'), toFormat: 'raw', virtualSizeBytes: MiB });
  await expect(convert).rejects.toMatchObject(refused);
});

test.runIf(process.getuid?.() === 0)('a conversion for which the disk is too small fails for want of space', async () => {
  const { at } = await disks();
  const small = at('small');
  await mkdir(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2M', 'novaflow-test', small]);
  onTestFinished(() => void execFileSync('umount', [small]));
  const to = join(small, 'disk');
  const convert = convertDisk({ step: 'x', from: at('qcow2'), fromFormat: 'qcow2', to, toFormat: 'raw', virtualSizeBytes: 4 * MiB });
  await expect(convert).rejects.toMatchObject({ type: 'DiskSpaceLow', nonRetryable: true });
});
