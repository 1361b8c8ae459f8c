import { constants } from 'node:fs';
import { copyFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Base } from '../base-cache.ts';
import { errnoOf } from '../failures.ts';
import { canGrow, growFileSystem } from '../grow-file-system.ts';
import { isThere } from '../is-there.ts';
import { withLock } from '../lock.ts';
import { createOverlay } from '../qemu-img.ts';
import { renameDurably } from '../rename-durably.ts';
import type { Patience } from './backend.ts';
import { copySparsely } from './copy-sparsely.ts';
import { writeDifferences } from './differences.ts';

/** An overlay that disks are copied from. */
export interface GrownOverlay {
  readonly path: string;
  /** Why the file system was left as it was, or null. */
  readonly warning: string | null;
}

/**
 * The overlay of a size whose file system fills it, for all disks of that image and size on this host to be copied from;
 * null when the base has none to grow, `later` when it takes longer than the patience.
 *
 * It is a small overlay and not, like Nova's `<sha1>_<GiB>`, a resized base: a growth writes times and differs between versions
 * of e2fsprogs, so that no two hosts would have the same base, while what an overlay stands on has to be the same on all.
 */
export async function grownOverlay(base: Base, sizeBytes: number, patience: Patience): Promise<GrownOverlay | 'later' | null> {
  if (base.format !== 'raw' || !(await canGrow(base.path, sizeBytes))) return null;
  const directory = `${base.path}.grown`;
  const path = join(directory, `${sizeBytes}`);
  if (await isThere(path)) return { path, warning: await warningOf(path) };
  if (patience === 'quick') return 'later';
  await mkdir(directory, { recursive: true });
  await withLock(`${path}.lock`, async () => {
    if (!(await isThere(path))) await make(base, sizeBytes, path);
  });
  return { path, warning: await warningOf(path) };
}

/** All of it is made anew by who comes after a worker that was killed. */
async function make(base: Base, sizeBytes: number, path: string): Promise<void> {
  const scratch = `${path}.part`;
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  const [grown, overlay] = [join(scratch, 'disk'), join(scratch, 'overlay')];
  await copySparsely(base.path, grown);
  await truncate(grown, sizeBytes);
  const growth = await growFileSystem(grown, sizeBytes);
  await createOverlay({ base: base.path, baseFormat: 'raw', path: overlay, sizeBytes });
  if (growth.kind === 'grown') await writeDifferences({ base: base.path, changed: grown, overlay, scratch });
  if (growth.kind === 'given up') await writeFile(warningFileOf(path), `${growth.why}\n`, { flush: true });
  await renameDurably(overlay, path);
  await rm(scratch, { recursive: true, force: true });
}

/** A disk of its own from the overlay: only its tables and what the growth wrote are copied. */
export async function copyOverlay({ path }: GrownOverlay, to: string): Promise<void> {
  await copyFile(path, to, constants.COPYFILE_FICLONE);
}

async function warningOf(path: string): Promise<string | null> {
  try {
    const why = (await readFile(warningFileOf(path), 'utf8')).trim();
    return `the file system of the image was not grown: ${why} (remove ${path} and the next build tries again)`;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function warningFileOf(path: string): string {
  return `${path}.warning`;
}
