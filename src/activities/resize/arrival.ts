import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Disk } from '../../model/instance.ts';
import type { DiskMove } from '../../model/resize/moves.ts';
import { restArgs } from '../../qemu/img.ts';
import type { BootImages } from '../accept/images.ts';
import type { BaseCache } from '../base-cache.ts';
import { makeBootFiles } from '../disks/boot-file.ts';
import { copySparsely } from '../disks/copy-sparsely.ts';
import { madeAside, replacedAside } from '../disks/made-aside.ts';
import { isThere } from '../is-there.ts';
import { checkDisk, convertDisk, diskInfo } from '../qemu-img.ts';
import { fail } from '../record-client.ts';
import { run } from '../run.ts';
import { growDisk } from './grow-disk.ts';

/** Where the disks of an instance arrive, and where they come from. */
export interface ArrivalSite {
  /** The instance's directory at the destination. */
  readonly directory: string;
  /** Where the source's files lie when this host sees them; null: they have been sent here under their own names. */
  readonly aside: string | null;
  readonly bases: Pick<BaseCache, 'pathOf'>;
  readonly growFileSystem: Config['growFileSystem'];
  readonly warn: (message: string) => void;
}

/**
 * Has a disk whole under its own name, as large and of the format as it is to be, or raises why it cannot. One that is there is kept: it
 * may have been written to since. Everything is made under another name.
 */
export async function arrived(site: ArrivalSite, move: DiskMove): Promise<void> {
  const path = join(site.directory, move.to.name);
  if (site.aside === null) await grownInPlace(site, move, path);
  else await madeAside(path, (partial) => arrive(site, move, join(asideOr(site), move.to.name), partial));
  const look = await lookAt(path, move.to);
  await restedOnItsBase(site, move, path, look);
  await requireWhole(path, move.to, look);
}

/** A disk that was sent here grows into another file that takes its name: the name stands for the larger one from then on. */
async function grownInPlace(site: ArrivalSite, move: DiskMove, path: string): Promise<void> {
  if (!move.grows) return;
  const look = await lookAt(path, move.to);
  if (look.sizeBytes >= move.to.sizeBytes) return;
  const from = { ...move, from: move.from && { ...move.from, format: move.to.format, backing: move.to.backing } };
  await restedOnItsBase(site, move, path, look);
  await replacedAside(path, (partial) => arrive(site, from, path, partial));
}

/** In the order of Nova's `finish_migration`: first it grows, then it changes its format. */
async function arrive(site: ArrivalSite, { from: disk, to, grows }: DiskMove, from: string, partial: string): Promise<void> {
  if (disk === null) throw new Error(`${to.name} comes from nowhere`);
  const changes = disk.format !== to.format;
  const grown = changes && grows ? `${partial}.grown` : partial;
  if (grows) {
    const base = disk.backing === null ? null : { path: site.bases.pathOf(disk.backing.imageId), format: disk.backing.format ?? 'raw' };
    const { growFileSystem, warn } = site;
    await growDisk({ disk, from, to: grown, fromBytes: disk.sizeBytes, sizeBytes: to.sizeBytes, base, growFileSystem, warn });
  } else if (!changes) await copySparsely(from, partial);
  if (!changes) return;
  await convertDisk({
    step: `convert ${to.name}`,
    from: grows ? grown : from,
    fromFormat: 'raw',
    to: partial,
    toFormat: 'qcow2',
    virtualSizeBytes: to.sizeBytes,
  });
}

/** An overlay that came from a host with another instances directory names its base there. */
async function restedOnItsBase({ bases }: ArrivalSite, { to: { backing } }: DiskMove, path: string, found: Look): Promise<void> {
  if (backing === null) return;
  const base = bases.pathOf(backing.imageId);
  if (found.base !== base) await run('qemu-img', restArgs({ path, base, baseFormat: backing.format ?? 'raw' }));
}

/** Raises `OperationFailed` for a disk that is shorter than it is to be, `ImageUnacceptable` for one whose tables are not whole. */
async function requireWhole(path: string, { name, format, sizeBytes }: DiskMove['to'], found: Look): Promise<void> {
  if (found.sizeBytes !== sizeBytes) throw fail('OperationFailed', `${name} arrived with ${found.sizeBytes} bytes, not with ${sizeBytes}`);
  if (format === 'qcow2') await checkDisk({ path, format, sizeBytes });
}

/** A disk as it is found. */
interface Look {
  readonly sizeBytes: number;
  /** What it says that it stands on. */
  readonly base: string | null;
}

async function lookAt(path: string, { format }: Pick<Disk, 'format'>): Promise<Look> {
  if (format !== 'qcow2') return { sizeBytes: (await stat(path)).size, base: null };
  const { virtualSizeBytes: sizeBytes, backing } = await diskInfo({ path, format });
  return { sizeBytes, base: backing?.path ?? null };
}

function asideOr({ aside }: ArrivalSite): string {
  if (aside === null) throw new Error('the files are not seen from here');
  return aside;
}

/**
 * The files of an instance that are no disks of its record: what it boots with, which is made from the images where its own are not seen,
 * and its UEFI variables.
 */
export async function bringOtherFiles(site: ArrivalSite, image: BootImages): Promise<void> {
  const { aside, directory, bases } = site;
  if (aside === null) return makeBootFiles(directory, image, bases);
  for (const name of ['kernel', 'ramdisk', 'nvram']) {
    const from = join(aside, name);
    if (await isThere(from)) await madeAside(join(directory, name), (partial) => copySparsely(from, partial));
  }
}
