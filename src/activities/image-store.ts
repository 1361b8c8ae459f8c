import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, rm } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import type { Config } from '../config.ts';
import type { ImageFormat } from '../model/image.ts';
import type { Token } from '../model/tenure.ts';
import { type Copied, checksumOf, copyWithChecksum } from './copy.ts';
import { errnoOf } from './failures.ts';
import { faultPoint } from './fault-hook.ts';
import { inspect } from './inspect.ts';
import { withLock } from './lock.ts';
import { fail } from './record-client.ts';
import { renameDurably } from './rename-durably.ts';

export interface Stored extends Copied {
  readonly virtualSizeBytes: number;
}

export interface ImageLongActivities {
  /**
   * Takes a file below this host's import directory into the image store under the image's id: checked, copied aside, checked again, synced,
   * renamed. Progress in bytes. Raises `InvalidRequest`, `ImageUnacceptable`, `DiskSpaceLow`. Repeatable.
   */
  storeImage(input: { token: Token; imageId: string; source: string; diskFormat: ImageFormat; checksum: string | null }): Promise<Stored>;
}

export interface ImageActivities {
  /** Leaves nothing of the image in the store. Right when there is nothing. Repeatable. */
  removeStoredImage(input: { token: Token; imageId: string }): Promise<void>;
}

export function imageStoreActivities({
  imageStore: { directory },
  importDirectory,
}: Pick<Config, 'imageStore' | 'importDirectory'>): ImageLongActivities & ImageActivities {
  return {
    storeImage: async ({ imageId, source, diskFormat, checksum }) => {
      await mkdir(directory, { recursive: true });
      const path = join(directory, imageId);
      return withLock(`${path}.lock`, async () => {
        const stored = await whatIsStored(path, diskFormat);
        if (stored !== null) return required(stored, checksum);
        const partial = `${path}.part`;
        const file = await openSource(source);
        try {
          await inspect(file, diskFormat); // refused before gigabytes are copied
          await faultPoint('during');
          const copied = await copyWithChecksum(file, partial, 'import');
          required(copied, checksum);
        } finally {
          await file.close();
        }
        const found = await whatIsStored(partial, diskFormat);
        await renameDurably(partial, path);
        if (found === null) throw new Error(`${partial} vanished`);
        return found;
      });
    },

    removeStoredImage: async ({ imageId }) => {
      const path = join(directory, imageId);
      await mkdir(directory, { recursive: true });
      await withLock(`${path}.lock`, async () => {
        for (const file of [`${path}.part`, path]) await rm(file, { force: true });
      });
      await rm(`${path}.lock`, { force: true });
    },
  };

  /** The file that a `file:` source names, opened, when it lies below the import directory with all links followed. */
  async function openSource(source: string): Promise<FileHandle> {
    const named = source.slice('file:'.length);
    const root = await realpath(importDirectory).catch(() => importDirectory);
    try {
      const path = await realpath(isAbsolute(named) ? named : join(root, named));
      if (!path.startsWith(`${root}${sep}`)) throw unacceptableSource(`leads out of ${importDirectory}`);
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe would wait for its writer
      if ((await file.stat()).isFile()) return file;
      await file.close();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      throw unacceptableSource(`there is no file ${named} below ${importDirectory} of this host`);
    }
    throw unacceptableSource(`${named} is no regular file`);
  }
}

async function whatIsStored(path: string, diskFormat: ImageFormat): Promise<Stored | null> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return null;
  try {
    const virtualSizeBytes = await inspect(file, diskFormat);
    return { sizeBytes: (await file.stat()).size, checksum: await checksumOf(file), virtualSizeBytes };
  } finally {
    await file.close();
  }
}

function required<Found extends Copied>(found: Found, checksum: string | null): Found {
  if (checksum === null || checksum === found.checksum) return found;
  throw fail('ImageUnacceptable', `the file has ${found.checksum}, ${checksum} was asked for`);
}

function unacceptableSource(message: string): ReturnType<typeof fail> {
  return fail('InvalidRequest', `source ${message}`, { fields: [{ field: 'source', message }] });
}
