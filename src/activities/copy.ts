import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Context } from '@temporalio/activity';
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
  const hash = createHash('sha256');
  let doneBytes = 0;
  const target = await open(path, 'w');
  try {
    for await (const chunk of chunksOf(source)) {
      hash.update(chunk);
      await target.writeFile(chunk); // from where it is; `write` may write less than all when the disk fills
      doneBytes += chunk.length;
      tellProgress({ step, doneBytes, totalBytes });
    }
    await target.sync();
  } finally {
    await target.close();
  }
  return { sizeBytes: doneBytes, checksum: `sha256:${hash.digest('hex')}` };
}

/** The checksum of an open file, as `copyWithChecksum` gives it. */
export async function checksumOf(source: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(source)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

/** The file from its beginning; each chunk is overwritten by the next. Ends with the activity's cancel. */
async function* chunksOf(file: FileHandle): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let at = 0; ; ) {
    Context.current().cancellationSignal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
