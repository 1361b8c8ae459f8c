import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Context } from '@temporalio/activity';
import { type Extent, joined, mapArgs, parseMap } from '../../qemu/extents.ts';
import { run } from '../run.ts';

const blockBytes = 64 * 1024;
const chunkBytes = 16 * blockBytes;
const zeros = Buffer.alloc(blockBytes);

/**
 * What the first `sizeBytes` of a raw disk hold, whatever of its zeros are holes: the checksum of their number and of each block that
 * is not all zeros, with its place. Two disks that a guest could not tell apart have the same.
 */
export async function digestOf(path: string, sizeBytes: number): Promise<string> {
  const { stdout } = await run('qemu-img', mapArgs(path));
  const file = await open(path, 'r');
  const hash = createHash('sha256').update(placeOf(sizeBytes));
  try {
    for (const extent of joined(parseMap(stdout), blockBytes)) {
      for await (const { at, block } of blocksOf(file, { start: extent.start, end: Math.min(extent.end, sizeBytes) })) {
        if (!block.equals(block.length === blockBytes ? zeros : zeros.subarray(0, block.length))) hash.update(placeOf(at)).update(block);
      }
    }
  } finally {
    await file.close();
  }
  return `sha256:${hash.digest('hex')}`;
}

/** The blocks of an extent; the next chunk of them is read while one is looked at. */
async function* blocksOf(
  file: Awaited<ReturnType<typeof open>>,
  { start, end }: Extent,
): AsyncGenerator<{ readonly at: number; readonly block: Buffer }> {
  const buffers = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)] as const;
  const { cancellationSignal } = Context.current();
  const read = (at: number, turn: number) => file.read(buffers[turn % 2 === 0 ? 0 : 1], 0, Math.min(chunkBytes, end - at), at);
  for (let at = start, turn = 0, coming = read(at, turn); at < end; turn += 1) {
    cancellationSignal.throwIfAborted();
    const { bytesRead, buffer } = await coming;
    if (bytesRead === 0) return; // the file ends before its last block does
    const next = at + bytesRead;
    if (next < end) coming = read(next, turn + 1);
    for (let begin = 0; begin < bytesRead; begin += blockBytes) {
      yield { at: at + begin, block: buffer.subarray(begin, Math.min(begin + blockBytes, bytesRead)) };
    }
    at = next;
  }
}

function placeOf(offset: number): Buffer {
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(BigInt(offset));
  return place;
}
