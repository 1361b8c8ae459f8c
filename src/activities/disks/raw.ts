import { constants } from 'node:fs';
import { copyFile, open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { WantedDisk } from '../../model/wanted-disks.ts';
import type { Base } from '../base-cache.ts';
import { errnoOf } from '../failures.ts';
import { convertDisk, diskInfo } from '../qemu-img.ts';
import { run } from '../run.ts';
import type { BlankBackend, Patience, PlacedDisk, RootBackend } from './backend.ts';
import { madeAside, madeAsideIf } from './made-aside.ts';

/** What is copied within seconds by a disk that is busy with guests. */
const quickBytes = 256 * 1024 ** 2;

/** What file systems say that cannot share blocks between two files, or not between these. */
const noClone: ReadonlySet<string | null> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'EXDEV', 'EINVAL', 'ENOTTY', 'ENOSYS']);

/** Flat files: they share the image's blocks where the file system can (XFS, btrfs), and are sparse copies where it cannot. */
export const rawRoot: RootBackend = {
  place: async (_site, wanted) => rawDisk(wanted),
  make: ({ directory }, { name, sizeBytes }, base, patience) =>
    madeAsideIf(join(directory, name), async (partial) => {
      const isCopied = (await cloned(base, partial)) || (await copied(base, partial, patience));
      if (isCopied) await truncate(partial, sizeBytes);
      return isCopied;
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

async function cloned({ path, format }: Base, to: string): Promise<boolean> {
  if (format !== 'raw') return false;
  try {
    await copyFile(path, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    if (noClone.has(errnoOf(error))) return false;
    throw error;
  }
}

async function copied({ path, format }: Base, to: string, patience: Patience): Promise<boolean> {
  const { blocks } = await stat(path);
  if (patience === 'quick' && blocks * 512 > quickBytes) return false;
  if (format === 'raw') await run('cp', ['--sparse=always', '--', path, to]);
  else {
    const { virtualSizeBytes } = await diskInfo({ path, format });
    await convertDisk({ step: 'copy the base', from: path, fromFormat: format, to, toFormat: 'raw', virtualSizeBytes });
  }
  return true;
}
