import { execFileSync } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { expect, onTestFinished, test } from 'vitest';
import { type Copied, checksumOf, copyWithChecksum } from '../../src/activities/copy.ts';
import { type Progress, progressHolder } from '../../src/activities/progress.ts';
import { activityContext, inActivity, ownDirectory } from './surroundings.ts';

const MiB = 1024 ** 2;

/** Copies what was written to a file of its own, as an activity. */
async function copied(content: string | Buffer, to: string, directory: string): Promise<Copied> {
  await writeFile(join(directory, 'source'), content);
  await using source = await open(join(directory, 'source'));
  return await inActivity(() => copyWithChecksum(source, to, 'import'));
}

test.for<[string, string]>([
  ['', 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
])('a copy of %j is what it was, with its checksum', async ([content, checksum]) => {
  const directory = await ownDirectory();
  const to = join(directory, 'copy');
  expect(await copied(content, to, directory)).toStrictEqual({ sizeBytes: content.length, checksum });
  expect(await readFile(to, 'utf8')).toBe(content);
  await using file = await open(to);
  expect(await inActivity(() => checksumOf(file))).toBe(checksum);
});

test('a copy of many chunks is what it was and takes the place of what lay there', async () => {
  const directory = await ownDirectory();
  const content = Buffer.concat([Buffer.alloc(MiB, 'a'), Buffer.alloc(MiB, 'b'), Buffer.alloc(7, 'c')]);
  const to = join(directory, 'copy');
  await writeFile(to, Buffer.alloc(3 * MiB));
  expect(await copied(content, to, directory)).toMatchObject({ sizeBytes: 2 * MiB + 7 });
  expect((await readFile(to)).equals(content)).toBe(true);
});

test('a copy tells how far it is after each MiB', async () => {
  const directory = await ownDirectory();
  const told: Progress[] = [];
  const teller = {
    get current() {
      return told.at(-1) ?? null;
    },
    set current(progress: Progress | null) {
      if (progress !== null) told.push(progress);
    },
  };
  await progressHolder.run(teller, () => copied(Buffer.alloc(MiB + 1), join(directory, 'copy'), directory));
  expect(told).toStrictEqual([
    { step: 'import', doneBytes: 1_048_576, totalBytes: 1_048_577 },
    { step: 'import', doneBytes: 1_048_577, totalBytes: 1_048_577 },
  ]);
});

test('a copy that is cancelled ends as cancelled', async () => {
  const directory = await ownDirectory();
  await writeFile(join(directory, 'source'), 'abc');
  await using source = await open(join(directory, 'source'));
  const activity = activityContext();
  activity.cancel();
  await expect(inActivity(() => copyWithChecksum(source, join(directory, 'copy'), 'import'), activity)).rejects.toThrow(CancelledFailure);
});

test.runIf(process.getuid?.() === 0)('a copy for which the disk is too small fails, also when it fills in its last chunk', async () => {
  const directory = await ownDirectory();
  const small = join(directory, 'small');
  await mkdir(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1536k', 'novaflow-test', small]);
  onTestFinished(() => void execFileSync('umount', [small]));
  await expect(copied(Buffer.alloc(2 * MiB, 'a'), join(small, 'copy'), directory)).rejects.toMatchObject({ code: 'ENOSPC' });
});
