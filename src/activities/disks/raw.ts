import { open, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { WantedDisk } from '../../model/wanted-disks.ts';
import type { Base } from '../base-cache.ts';
import { canGrow, growFileSystem } from '../grow-file-system.ts';
import { convertDisk, diskInfo } from '../qemu-img.ts';
import { run } from '../run.ts';
import type { BlankBackend, Patience, PlacedDisk, RootBackend } from './backend.ts';
import { clone } from './copy-sparsely.ts';
import { madeAside, madeAsideIf } from './made-aside.ts';

/** What is copied within seconds by a disk that is busy with guests. */
const quickBytes = 256 * 1024 ** 2;

/** Flat files: they share the image's blocks where the file system can (XFS, btrfs), and are sparse copies where it cannot. */
export const rawRoot: RootBackend = {
  place: async (_site, wanted) => rawDisk(wanted),
  make: (site, { name, sizeBytes }, base, patience) =>
    madeAsideIf(join(site.directory, name), async (partial) => {
      const isGrown = site.growFileSystem === 'auto' && base.format === 'raw' && (await canGrow(base.path, sizeBytes));
      if (isGrown && patience === 'quick') return false;
      if (!(await copied(base, partial, patience))) return false;
      await truncate(partial, sizeBytes);
      const growth = isGrown ? await growFileSystem(partial, sizeBytes) : null;
      if (growth?.kind !== 'given up') return true;
      site.warn(`the file system of ${name} was not grown: ${growth.why}`);
      await rm(partial); // half changed
      await copied(base, partial, patience);
      await truncate(partial, sizeBytes);
      return true;
    }),
};

/** Sparse files; only root and the hypervisor read them. */
export const rawBlank: BlankBackend = {
  place: async (_site, wanted) => rawDisk(wanted),
  make: async ({ directory }, { name, sizeBytes }, fill) => {
    await madeAside(join(directory, name), async (partial) => {
      const file = await open(partial, 'wx', 0o600);
      try {
        await file.truncate(sizeBytes);
      } finally {
        await file.close();
      }
      await fill(partial);
    });
    return true;
  },
};

function rawDisk({ name, sizeBytes }: WantedDisk): PlacedDisk {
  return { name, kind: 'raw', format: 'raw', sizeBytes, backing: null };
}

async function copied({ path, format }: Base, to: string, patience: Patience): Promise<boolean> {
  if (format === 'raw' && (await clone(path, to))) return true;
  const { blocks } = await stat(path);
  if (patience === 'quick' && blocks * 512 > quickBytes) return false;
  if (format === 'raw') await run('cp', ['--sparse=always', '--', path, to]);
  else {
    const { virtualSizeBytes } = await diskInfo({ path, format });
    await convertDisk({ step: 'copy the base', from: path, fromFormat: format, to, toFormat: 'raw', virtualSizeBytes });
  }
  return true;
}
