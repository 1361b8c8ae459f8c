import type { FileHandle } from 'node:fs/promises';
import { appendAll, type Copied, chunksOf } from './copy.ts';
import { faultPoint } from './fault-hook.ts';
import { growingFile } from './growing-file.ts';
import { openPartial, takeOver, writeNote } from './import/partial.ts';
import { tellProgress } from './progress.ts';

/** Twice this is what a killed worker makes a host copy again at most: a note is there when all before it is on the disk. */
const defaultNoteEveryBytes = 256 * 1024 ** 2;

/**
 * Copies an open file that does not change to `path`, syncs it and tells what it is; says how far it is as `step`. What an attempt before
 * this one left there of the same file is gone on with, by the note beside it.
 */
export async function copyResumably(
  source: FileHandle,
  path: string,
  step: string,
  noteEveryBytes: number = defaultNoteEveryBytes,
): Promise<Copied> {
  const { size: totalBytes, ino, mtimeMs } = await source.stat();
  const validator = `${ino} ${mtimeMs} ${totalBytes}`;
  const file = await openPartial(path);
  let noting = Promise.resolve();
  try {
    const target = growingFile(file);
    await takeOver(path, file, target, `resume ${step}`, validator);
    let notedBytes = target.sizeBytes();
    await appendAll(target, chunksOf(source, notedBytes), async () => {
      const doneBytes = target.sizeBytes();
      tellProgress({ step, doneBytes, totalBytes });
      if (doneBytes - notedBytes < noteEveryBytes) return;
      await file.truncate(doneBytes); // it may end with a hole
      await noting;
      // The disk writes these bytes while the next ones come: the copy takes as long as the slower of both.
      noting = writeNote(path, file, { validator, syncedBytes: doneBytes }).then(() => faultPoint('halfway'));
      noting.catch(() => {}); // raised where it is waited for
      notedBytes = doneBytes;
    });
    await noting;
    return await target.finish();
  } finally {
    await noting.catch(() => {});
    await file.close();
  }
}
