import { createHash } from 'node:crypto';
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readNote } from '../../src/activities/import/partial.ts';
import { type Progress, progressHolder } from '../../src/activities/progress.ts';
import { copyResumably } from '../../src/activities/resumed-copy.ts';
import { inActivity, ownDirectory } from './surroundings.ts';

const MiB = 1024 ** 2;

/** Hears how far a copy is, and ends it where `isEnd` says so. */
function listener(isEnd: (progress: Progress) => boolean) {
  const told: Progress[] = [];
  return {
    told,
    get current() {
      return told.at(-1) ?? null;
    },
    set current(progress: Progress | null) {
      if (progress === null) return;
      told.push(progress);
      if (isEnd(progress)) throw new Error('the worker dies');
    },
  };
}

/** A file of 8 MiB with a hole in its middle, copied with a note each 4 MiB. */
async function source(): Promise<{
  at: (name: string) => string;
  checksum: string;
  copy: (as: ReturnType<typeof listener>) => Promise<object>;
}> {
  const directory = await ownDirectory();
  const at = (name: string) => join(directory, name);
  await writeFile(at('source'), Buffer.alloc(MiB, 'a'));
  await truncate(at('source'), 7 * MiB);
  await writeFile(at('source'), Buffer.alloc(MiB, 'z'), { flag: 'a' });
  const checksum = `sha256:${createHash('sha256')
    .update(await readFile(at('source')))
    .digest('hex')}`;
  const copy = async (as: ReturnType<typeof listener>) => {
    await using file = await open(at('source'));
    return await progressHolder.run(as, () => inActivity(() => copyResumably(file, at('copy'), 'upload', 4 * MiB)));
  };
  return { at, checksum, copy };
}

test('a copy whose worker died goes on where it was, and is what the source is', async () => {
  const { at, checksum, copy } = await source();
  await expect(copy(listener(({ doneBytes }) => doneBytes >= 5 * MiB))).rejects.toThrow('the worker dies');
  expect(await readNote(at('copy'))).toMatchObject({ syncedBytes: 4 * MiB });

  const second = listener(() => false);
  expect(await copy(second)).toEqual({ sizeBytes: 8 * MiB, checksum });
  const resumed = second.told.findIndex(({ step }) => step === 'upload');
  expect(second.told.slice(0, resumed).every(({ step, totalBytes }) => step === 'resume upload' && totalBytes === 4 * MiB)).toBe(true);
  expect(second.told[resumed]).toEqual({ step: 'upload', doneBytes: 5 * MiB, totalBytes: 8 * MiB });
});

test('what a copy of another file left is not gone on with', async () => {
  const { at, copy } = await source();
  await expect(copy(listener(({ doneBytes }) => doneBytes >= 5 * MiB))).rejects.toThrow('the worker dies');
  await writeFile(at('source'), 'another');
  const checksum = `sha256:${createHash('sha256').update('another').digest('hex')}`;
  expect(await copy(listener(() => false))).toEqual({ sizeBytes: 7, checksum });
  expect(await readFile(at('copy'), 'utf8')).toBe('another');
});
