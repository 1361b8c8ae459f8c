import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { chunksOf } from '../copy.ts';
import { errnoOf } from '../failures.ts';
import type { GrowingFile } from '../growing-file.ts';
import { tellProgress } from '../progress.ts';

const note = z.strictObject({ validator: z.string(), syncedBytes: z.int().nonnegative() });

/** What is known of a file that was fetched in part: by what the server knows it again, and how much of it outlives a power loss. */
export type PartialNote = z.output<typeof note>;

/** The note beside a partial file; null when there is none, or none that can be read. */
export async function readNote(path: string): Promise<PartialNote | null> {
  try {
    return note.safeParse(JSON.parse(await readFile(noteOf(path), 'utf8'))).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError || errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Syncs what the file has, then notes it: a note that a power loss takes away is an older one, never a wrong one. */
export async function writeNote(path: string, file: FileHandle, { validator, syncedBytes }: PartialNote): Promise<void> {
  await file.datasync();
  await writeFile(`${noteOf(path)}.new`, `${JSON.stringify({ validator, syncedBytes })}\n`, { flush: true });
  await rename(`${noteOf(path)}.new`, noteOf(path));
}

/** Opens a partial file, as it was left or new. */
export function openPartial(path: string): Promise<FileHandle> {
  return open(path, 'a').then(async (made) => {
    await made.close();
    return open(path, 'r+');
  });
}

/**
 * Takes over what an earlier attempt left of a partial file: as much as its note vouches for, hashed again. Null, and the file is empty, when
 * there is no note of this source, or it vouches for more than there is. `validator` absent: of any source.
 */
export async function takeOver(
  path: string,
  file: FileHandle,
  target: GrowingFile,
  step: string,
  validator?: string,
): Promise<PartialNote | null> {
  const note = await readNote(path);
  const { size } = await file.stat();
  if (note === null || note.syncedBytes > size || (validator !== undefined && note.validator !== validator)) {
    await target.startOver();
    return null;
  }
  await file.truncate(note.syncedBytes);
  for await (const chunk of chunksOf(file)) {
    target.count(chunk);
    tellProgress({ step, doneBytes: target.sizeBytes(), totalBytes: note.syncedBytes });
  }
  return note;
}

/** Leaves nothing of a partial file. */
export async function removePartial(path: string): Promise<void> {
  for (const file of [noteOf(path), `${noteOf(path)}.new`, path]) await rm(file, { force: true });
}

function noteOf(path: string): string {
  return `${path}.json`;
}
