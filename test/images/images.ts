import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readImageHeader } from '../../src/images/header.ts';
import { type ImageHeader, imageHeadBytes, imageTailBytes } from '../../src/images/verdict.ts';
import type { ImageFormat } from '../../src/model/image.ts';

/** Where a test file makes its images, gone with it. */
export function workshop(): Workshop & Disposable {
  const directory = mkdtempSync(join(tmpdir(), 'novaflow-images-'));
  let files = 0;
  const next = () => {
    files += 1;
    return join(directory, `${files}`);
  };
  return {
    directory,
    made: (format, options = [], size = '8M') => {
      const path = next();
      execFileSync('qemu-img', ['create', '-q', '-f', format, ...options, path, size]);
      return readFileSync(path);
    },
    converted: (content, format, options = []) => {
      const [from, to] = [next(), next()];
      writeFileSync(from, content);
      execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, from, to]);
      return readFileSync(to);
    },
    iso: (options = []) => {
      const [tree, path] = [next(), next()];
      mkdirSync(tree);
      writeFileSync(join(tree, 'hello'), Buffer.alloc(100_000, 'hello'));
      execFileSync('genisoimage', ['-quiet', '-J', '-r', '-V', 'cidata', ...options, '-o', path, tree]);
      return readFileSync(path);
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

export interface Workshop {
  readonly directory: string;
  /** An empty disk, made by QEMU itself. */
  readonly made: (format: string, options?: readonly string[], size?: string) => Buffer;
  /** A raw disk with this content as QEMU converts it. */
  readonly converted: (content: Buffer, format: string, options?: readonly string[]) => Buffer;
  /** A CD with one file, made by genisoimage. */
  readonly iso: (options?: readonly string[]) => Buffer;
}

/** What the inspector finds in a file of these bytes. */
export function read(format: ImageFormat, file: Uint8Array): ImageHeader {
  const [head, tail] = [file.subarray(0, imageHeadBytes), file.subarray(Math.max(0, file.length - imageTailBytes))];
  return readImageHeader(format, { head, tail, sizeBytes: file.length });
}

/** Why it refuses it, or null. */
export function refusal(format: ImageFormat, file: Uint8Array): string | null {
  return read(format, file).refusal;
}

/** A file of zeros with some bytes at an offset, from its end where that is below 0. */
export function withBytes(offset: number, text: string, sizeBytes: number = imageHeadBytes): Buffer {
  const file = Buffer.alloc(sizeBytes);
  file.write(text, offset < 0 ? sizeBytes + offset : offset, 'latin1');
  return file;
}
