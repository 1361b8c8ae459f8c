import { mkdir, rm, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../../config.ts';
import { EXT_START_BYTES, extFileSystemIn } from '../../images/ext-superblock.ts';
import type { Disk } from '../../model/instance.ts';
import { growArgs } from '../../qemu/img.ts';
import { copySparsely } from '../disks/copy-sparsely.ts';
import { writeDifferences } from '../disks/differences.ts';
import { canGrow, growFileSystem } from '../grow-file-system.ts';
import { convertDisk, createOverlay, diskStart } from '../qemu-img.ts';
import { run } from '../run.ts';

/** A disk of a guest that is off, and the larger one that is made of it under another name. */
export interface Growing {
  readonly disk: Pick<Disk, 'name' | 'format' | 'backing'>;
  readonly from: string;
  /** A new file. */
  readonly to: string;
  readonly fromBytes: number;
  readonly sizeBytes: number;
  /** What an overlay stands on, as it lies on this host. */
  readonly base: { readonly path: string; readonly format: 'raw' | 'qcow2' } | null;
  readonly growFileSystem: Config['growFileSystem'];
  /** Tells an operator what a guest can live with. */
  readonly warn: (message: string) => void;
}

/**
 * Makes a larger disk of one, in the order of Nova's `_disk_resize`: the disk, then the ext file system that fills it, where it has no
 * partitions; that is done to a raw copy, by programs that are confined. What grew of an overlay is written into an overlay on the same
 * base. A file system that cannot grow is left to the guest, with a warning.
 */
export async function growDisk(growing: Growing): Promise<void> {
  if (growing.disk.format === 'raw') return growRaw(growing);
  if (!(await growOfQcow2(growing))) await enlarge(growing);
}

async function growRaw({ disk, from, to, sizeBytes, growFileSystem: policy, warn }: Growing): Promise<void> {
  const isGrown = policy === 'auto' && (await canGrow(from, sizeBytes));
  await copyLarger(from, to, sizeBytes);
  const growth = isGrown ? await growFileSystem(to, sizeBytes) : null;
  if (growth?.kind !== 'given up') return;
  warn(`the file system of ${disk.name} was not grown: ${growth.why}`);
  await rm(to); // half changed
  await copyLarger(from, to, sizeBytes);
}

async function copyLarger(from: string, to: string, sizeBytes: number): Promise<void> {
  await copySparsely(from, to);
  await truncate(to, sizeBytes);
}

/** A larger qcow2 whose file system grew with it; false: it has none that could, or was given up, and there is no file. */
async function growOfQcow2({ disk, from, to, fromBytes, sizeBytes, base, growFileSystem: policy, warn }: Growing): Promise<boolean> {
  if (policy !== 'auto' || !(await hasGrowable(from, sizeBytes, `${to}.start`))) return false;
  const scratch = join(dirname(to), 'growth.partial');
  await rm(scratch, { recursive: true, force: true }); // of an attempt that died
  await mkdir(scratch, { mode: 0o700 });
  try {
    const raw = join(scratch, 'disk');
    const step = `grow ${disk.name}`;
    await convertDisk({ step, from, fromFormat: 'qcow2', to: raw, toFormat: 'raw', virtualSizeBytes: fromBytes, isScratch: true });
    await truncate(raw, sizeBytes);
    const growth = await growFileSystem(raw, sizeBytes);
    if (growth.kind === 'given up') warn(`the file system of ${disk.name} was not grown: ${growth.why}`);
    if (growth.kind !== 'grown') return false;
    if (disk.backing !== null && base?.format === 'raw') {
      await createOverlay({ base: base.path, baseFormat: 'raw', path: to, sizeBytes });
      await writeDifferences({ base: base.path, changed: raw, overlay: to, scratch });
      return true;
    }
    if (disk.backing !== null) return false; // what stands on a qcow2 would have to be flattened
    await convertDisk({ step, from: raw, fromFormat: 'raw', to, toFormat: 'qcow2', virtualSizeBytes: sizeBytes });
    return true;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The disk alone grows. */
async function enlarge({ from, to, sizeBytes }: Growing): Promise<void> {
  await copySparsely(from, to);
  await run('qemu-img', growArgs({ path: to, format: 'qcow2', sizeBytes }));
}

/** Whether the disk in a qcow2 begins with a file system that leaves part of a larger one unused. */
async function hasGrowable(path: string, sizeBytes: number, scratch: string): Promise<boolean> {
  const found = extFileSystemIn(await diskStart({ path, format: 'qcow2', bytes: EXT_START_BYTES, to: scratch }));
  return found !== null && found.sizeBytes < sizeBytes;
}
