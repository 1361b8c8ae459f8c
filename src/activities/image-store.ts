import { open, rm } from 'node:fs/promises';
import type { Config } from '../config.ts';
import type { ImageFormat } from '../model/image.ts';
import type { Token } from '../model/tenure.ts';
import { type Copied, checksumOf } from './copy.ts';
import { errnoOf } from './failures.ts';
import { holdingImagesIn } from './holding.ts';
import { sweepImageTombstones } from './image-tombstones.ts';
import { importer } from './import/importer.ts';
import { removePartial } from './import/partial.ts';
import { inspect } from './inspect.ts';
import { checkDisk } from './qemu-img.ts';
import { fail } from './record-client.ts';
import { renameDurably } from './rename-durably.ts';

export interface Stored extends Copied {
  readonly virtualSizeBytes: number;
}

export interface ImageLongActivities {
  /**
   * Takes a file below this host's import directory, or one from an https server, into the image store under the image's id: copied
   * aside, inspected before qemu-img sees it, its tables walked, synced, renamed. What is left of a download is gone on with. Progress in
   * bytes. Raises `InvalidRequest`, `ImageUnacceptable`, `DiskSpaceLow`. Repeatable.
   */
  storeImage(input: { token: Token; imageId: string; source: string; diskFormat: ImageFormat; checksum: string | null }): Promise<Stored>;
}

export interface ImageActivities {
  /** Leaves nothing of the image in the store but, for a week, who acted on it last. Right when there is nothing. Repeatable. */
  removeStoredImage(input: { token: Token; imageId: string }): Promise<void>;
}

type StoreConfig = Pick<Config, 'imageStore' | 'importDirectory' | 'imports'>;

export function imageStoreActivities(config: StoreConfig): ImageLongActivities & ImageActivities {
  const whileHolding = holdingImagesIn(config.imageStore.directory);
  const importTo = importer(config);
  return {
    storeImage: ({ token, imageId, source, diskFormat, checksum }) =>
      whileHolding(imageId, token, async (path) => {
        const stored = await whatIsStored(path, diskFormat);
        if (stored !== null) return required(stored, checksum);
        const partial = partialOf(path);
        const copied = required(await importTo(partial, source, diskFormat), checksum);
        const virtualSizeBytes = await inspected(partial, diskFormat);
        await renameDurably(partial, path);
        await removePartial(partial);
        return { ...copied, virtualSizeBytes };
      }),

    removeStoredImage: async ({ token, imageId }) => {
      await whileHolding(imageId, token, async (path) => {
        await removePartial(partialOf(path));
        await rm(path, { force: true });
      });
      await sweepImageTombstones(config.imageStore.directory);
    },
  };
}

/** Where an image is written until it is whole. */
export function partialOf(path: string): string {
  return `${path}.part`;
}

/** What the store has at a path, read again; null when there is nothing. */
export async function whatIsStored(path: string, diskFormat: ImageFormat): Promise<Stored | null> {
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

/** The virtual size of a file that is all that its format asks for: by its header first, then by qemu-img, within limits. */
async function inspected(path: string, diskFormat: ImageFormat): Promise<number> {
  const file = await open(path, 'r');
  try {
    const virtualSizeBytes = await inspect(file, diskFormat);
    const { size: sizeBytes } = await file.stat();
    if (diskFormat === 'qcow2' || diskFormat === 'vmdk') await checkDisk({ path, format: diskFormat, sizeBytes });
    return virtualSizeBytes;
  } finally {
    await file.close();
  }
}

function required<Found extends Copied>(found: Found, checksum: string | null): Found {
  if (checksum === null || checksum === found.checksum) return found;
  throw fail('ImageUnacceptable', `the file has ${found.checksum}, ${checksum} was asked for`);
}
