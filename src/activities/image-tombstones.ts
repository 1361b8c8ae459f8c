import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from './failures.ts';
import { isThere } from './is-there.ts';
import { withLockIfFree } from './lock.ts';

/** How long a late attempt of an operation is waited for: its worker was frozen, or cut off, for no longer. */
const keptMs = 7 * 86_400_000;
const generation = '.generation';

/** Removes who acted last on images that have been gone from the store for a week: by then nothing of theirs can come late. Repeatable. */
export async function sweepImageTombstones(storeDirectory: string, nowMs: number = Date.now()): Promise<void> {
  const ids = (await readdir(storeDirectory)).filter((name) => name.endsWith(generation)).map((name) => name.slice(0, -generation.length));
  for (const id of ids) {
    const path = join(storeDirectory, id);
    if (await isOld(path, nowMs)) await withLockIfFree(`${path}.lock`, () => removeIfStillOld(path, nowMs));
  }
}

async function removeIfStillOld(path: string, nowMs: number): Promise<void> {
  if (!(await isOld(path, nowMs))) return;
  for (const suffix of [generation, '.lock']) await rm(`${path}${suffix}`, { force: true });
}

/** Whether it is that of an image of which nothing is left, written long ago. */
async function isOld(path: string, nowMs: number): Promise<boolean> {
  if ((await isThere(path)) || (await isThere(`${path}.part`))) return false;
  const { mtimeMs } = await stat(`${path}${generation}`).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return { mtimeMs: Number.POSITIVE_INFINITY };
    throw error;
  });
  return nowMs - mtimeMs > keptMs;
}
