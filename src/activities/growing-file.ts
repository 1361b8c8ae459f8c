import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Copied } from './copy.ts';

/** A file that is written from its beginning to its end, and hashed meanwhile. */
export interface GrowingFile {
  readonly sizeBytes: () => number;
  /** Writes a chunk and hashes it at the same time. One of zeros is left out: it is a hole. Raises `ENOSPC`. */
  readonly append: (chunk: Buffer) => Promise<void>;
  /** Hashes a chunk that the file has already. */
  readonly count: (chunk: Buffer) => void;
  /** Empties the file. */
  readonly startOver: () => Promise<void>;
  /** Syncs all of it and tells what it is. */
  readonly finish: () => Promise<Copied>;
}

/** The open, empty file `file` as it grows. */
export function growingFile(file: FileHandle): GrowingFile {
  let sizeBytes = 0;
  let hash = createHash('sha256');

  return {
    sizeBytes: () => sizeBytes,
    append: async (chunk) => {
      const written = isZero(chunk) ? null : writeAll(file, chunk, sizeBytes);
      hash.update(chunk); // meanwhile: the write is another thread's
      await written;
      sizeBytes += chunk.length;
    },
    count: (chunk) => {
      hash.update(chunk);
      sizeBytes += chunk.length;
    },
    startOver: async () => {
      await file.truncate(0);
      sizeBytes = 0;
      hash = createHash('sha256');
    },
    finish: async () => {
      await file.truncate(sizeBytes); // it may end with a hole
      await file.sync();
      return { sizeBytes, checksum: `sha256:${hash.digest('hex')}` };
    },
  };
}

/** A write may do less than all when the disk fills; the next one says why. */
async function writeAll(file: FileHandle, chunk: Buffer, at: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done, at + done);
    done += bytesWritten;
  }
}

const zeros = Buffer.alloc(1024 ** 2);

function isZero(chunk: Buffer): boolean {
  return chunk.length <= zeros.length && chunk.equals(zeros.subarray(0, chunk.length));
}
