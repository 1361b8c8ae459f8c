import { type FileHandle, open } from 'node:fs/promises';
import { readImageHeader } from '../images/header.ts';
import { imageHeadBytes, imageTailBytes } from '../images/verdict.ts';
import type { ImageFormat } from '../model/image.ts';
import { fail } from './record-client.ts';

/** The virtual size of an open file that is what it was declared to be; no program has guessed. Raises `ImageUnacceptable` with the reason. */
export async function inspect(file: FileHandle, format: ImageFormat): Promise<number> {
  const { size: sizeBytes } = await file.stat();
  const [head, tail] = await Promise.all([
    partOf(file, 0, Math.min(sizeBytes, imageHeadBytes)),
    partOf(file, Math.max(0, sizeBytes - imageTailBytes), Math.min(sizeBytes, imageTailBytes)),
  ]);
  const { virtualSizeBytes, refusal } = readImageHeader(format, { head, tail, sizeBytes });
  if (refusal !== null) throw fail('ImageUnacceptable', refusal);
  return virtualSizeBytes;
}

/** The same of a file at a path. */
export async function inspectFile(path: string, format: ImageFormat): Promise<number> {
  const file = await open(path, 'r');
  try {
    return await inspect(file, format);
  } finally {
    await file.close();
  }
}

async function partOf(file: FileHandle, at: number, bytes: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
  return buffer.subarray(0, bytesRead);
}
