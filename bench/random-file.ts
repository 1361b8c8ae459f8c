import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** Writes a file that nothing of is a hole, or packs, and syncs it. */
export async function writeRandom(path: string, bytes: number): Promise<void> {
  const random = await open('/dev/urandom');
  await pipeline(random.createReadStream({ end: bytes - 1, highWaterMark: 1024 ** 2 }), createWriteStream(path, { flush: true }));
}
