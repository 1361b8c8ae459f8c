import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Context } from '@temporalio/activity';
import { type Extent, joined, mapArgs, parseMap } from '../../qemu/extents.ts';
import type { ServedDisk } from '../../qemu/nbd.ts';
import { run } from '../run.ts';

const blockBytes = 64 * 1024;
const chunkBytes = 16 * blockBytes;
/** One is looked at while the disk reads the others. */
const chunks = 4;
const zeros = Buffer.alloc(blockBytes);

/** How a digest is made: `gmac` costs a fifteenth of `sha256`, which destinations know that do not say what they compare by. */
export type DigestKind = NonNullable<ServedDisk['comparesBy']>;

/**
 * What the first `sizeBytes` of a raw disk hold, whatever of its zeros are holes: a sum of their number and of each block that is not
 * all zeros, with its place. Read through the host's page cache, where the bytes are that are sent meanwhile.
 */
export function digestOf(path: string, sizeBytes: number, kind: DigestKind): Promise<string> {
  return summed(path, sizeBytes, kind === 'gmac' ? gmac(randomBytes(16)) : sha256(), 'cache');
}

/**
 * Whether a raw disk holds what another one does, by the digest of that one. It is read past the page cache: it has not to be brought there
 * first, and is what a guest will read.
 */
export async function hasDigest(path: string, sizeBytes: number, digest: string): Promise<boolean> {
  const key = /^gmac:([0-9a-f]{32}):/.exec(digest)?.[1];
  return (await summed(path, sizeBytes, key === undefined ? sha256() : gmac(Buffer.from(key, 'hex')), 'disk')) === digest;
}

interface Sum {
  readonly add: (bytes: Buffer) => void;
  readonly end: () => string;
}

function sha256(): Sum {
  const hash = createHash('sha256');
  return { add: (bytes) => void hash.update(bytes), end: () => `sha256:${hash.digest('hex')}` };
}

/** Nobody knew the key when the bytes were written: two disks of up to 16 TiB that differ have the same once in 2^88 times. A key has one nonce. */
function gmac(key: Buffer): Sum {
  const cipher = createCipheriv('aes-128-gcm', key, Buffer.alloc(12));
  const end = () => {
    cipher.final();
    return `gmac:${key.toString('hex')}:${cipher.getAuthTag().toString('hex')}`;
  };
  return { add: (bytes) => void cipher.setAAD(bytes), end };
}

async function summed(path: string, sizeBytes: number, { add, end }: Sum, from: 'cache' | 'disk'): Promise<string> {
  const { stdout } = await run('qemu-img', mapArgs(path));
  const file = await open(path, constants.O_RDONLY | (from === 'disk' ? constants.O_DIRECT : 0));
  const buffers = pages();
  add(placeOf(sizeBytes));
  try {
    for (const extent of joined(parseMap(stdout), blockBytes)) {
      for await (const { at, block } of blocksOf(file, buffers, extent, sizeBytes)) {
        if (block.equals(block.length === blockBytes ? zeros : zeros.subarray(0, block.length))) continue;
        add(placeOf(at));
        add(block);
      }
    }
  } finally {
    await file.close(); // which waits for what is still read
  }
  return end();
}

/** Buffers that begin with a page each, as a disk has to be read: WebAssembly's memory does, what Node allocates does not. */
function pages(): readonly Buffer[] {
  const { buffer } = new WebAssembly.Memory({ initial: (chunks * chunkBytes) / wasmPageBytes });
  return Array.from({ length: chunks }, (_, index) => Buffer.from(buffer, index * chunkBytes, chunkBytes));
}

const wasmPageBytes = 64 * 1024;

/** The blocks of an extent below `sizeBytes`; the chunks that come next are read while those of one are looked at. */
async function* blocksOf(
  file: FileHandle,
  buffers: readonly Buffer[],
  { start, end }: Extent,
  sizeBytes: number,
): AsyncGenerator<{ readonly at: number; readonly block: Buffer }> {
  const { cancellationSignal } = Context.current();
  const slots = buffers.map((buffer, index) => ({ buffer, reading: read(buffer, start + index * chunkBytes) }));
  const roundBytes = slots.length * chunkBytes;
  for (let round = start; round < end; round += roundBytes) {
    for (const [index, slot] of slots.entries()) {
      cancellationSignal.throwIfAborted();
      const at = round + index * chunkBytes;
      const length = Math.min((await slot.reading).bytesRead, sizeBytes - at); // the file may end before its last block does
      for (let begin = 0; begin < length; begin += blockBytes) {
        yield { at: at + begin, block: slot.buffer.subarray(begin, Math.min(begin + blockBytes, length)) };
      }
      slot.reading = read(slot.buffer, at + roundBytes);
    }
  }

  function read(buffer: Buffer, at: number) {
    const reading = file.read(buffer, 0, Math.max(0, Math.min(chunkBytes, end - at)), at);
    reading.catch(() => {}); // told to who gets so far
    return reading;
  }
}

function placeOf(offset: number): Buffer {
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(BigInt(offset));
  return place;
}
