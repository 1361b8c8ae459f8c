import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disk } from '../../model/instance.ts';
import { errnoOf } from '../failures.ts';
import { madeAside, replacedAside } from './made-aside.ts';

const fileName = 'disk.info';

/** What the disks of an instance here are, or null before that was decided: a retry makes them as they were begun, whatever the configuration says by then. */
export async function readDiskInfo(directory: string): Promise<readonly Disk[] | null> {
  try {
    const { disks } = JSON.parse(await readFile(join(directory, fileName), 'utf8')) as { disks: readonly Disk[] };
    return disks;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Notes what the disks are, before they are made. */
export async function writeDiskInfo(directory: string, disks: readonly Disk[]): Promise<void> {
  await madeAside(join(directory, fileName), writerOf(disks));
}

/** The same where others were noted before: the disks have become these. */
export async function replacedDiskInfo(directory: string, disks: readonly Disk[]): Promise<void> {
  await replacedAside(join(directory, fileName), writerOf(disks));
}

function writerOf(disks: readonly Disk[]): (path: string) => Promise<void> {
  return (path) => writeFile(path, `${JSON.stringify({ disks }, null, 2)}\n`);
}
