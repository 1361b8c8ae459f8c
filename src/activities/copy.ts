import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Context } from '@temporalio/activity';
import { type GrowingFile, growingFile } from './growing-file.ts';
import { tellProgress } from './progress.ts';

/** What a copy was found to be. */
export interface Copied {
  readonly sizeBytes: number;
  /** `sha256:<hex>` of the bytes. */
  readonly checksum: string;
}

const chunkBytes = 1024 ** 2;

/** Copies an open file to `path`, syncs it and tells what it is; says how far it is as `step`. What lay at `path` before is replaced. */
export async function copyWithChecksum(source: FileHandle, path: string, step: string): Promise<Copied> {
  const { size: totalBytes } = await source.stat();
  const file = await open(path, 'w');
  try {
    const target = growingFile(file);
    await appendAll(target, chunksOf(source), () => tellProgress({ step, doneBytes: target.sizeBytes(), totalBytes }));
    return await target.finish();
  } finally {
    await file.close();
  }
}

/** The checksum of an open file, as `copyWithChecksum` gives it. */
export async function checksumOf(source: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(source)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

/** The same of the file at `path`. */
export async function checksumOfFile(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    return await checksumOf(file);
  } finally {
    await file.close();
  }
}

/**
 * Appends all chunks, and calls `onAppended` after each. While one is written and hashed the next one is on its way, so that
 * the whole takes as long as the slowest of the three: chunks have to stay as they are until the one after the next is asked for.
 */
export async function appendAll(
  target: GrowingFile,
  chunks: AsyncGenerator<Buffer>,
  onAppended: () => Promise<void> | void,
): Promise<void> {
  let coming = chunks.next();
  try {
    for (let { value, done } = await coming; done !== true; { value, done } = await coming) {
      coming = chunks.next();
      await target.append(value);
      await onAppended();
    }
  } finally {
    await coming.catch(() => {}); // of a copy that failed; its own failure is the one that tells
    await chunks.return(undefined);
  }
}

/** An open file from a byte of it; each chunk is overwritten by the one after the next. Ends with the activity's cancel. */
export async function* chunksOf(file: FileHandle, from = 0): AsyncGenerator<Buffer> {
  const buffers = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)] as const;
  for (let at = from, turn = 0; ; turn = 1 - turn) {
    Context.current().cancellationSignal.throwIfAborted();
    const buffer = turn === 0 ? buffers[0] : buffers[1];
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
