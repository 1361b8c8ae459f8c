import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { baseNameOf } from '../model/base-name.ts';
import type { ImageRef } from './accept/images.ts';
import { copyWithChecksum } from './copy.ts';
import { errnoOf } from './failures.ts';
import { faultPoint } from './fault-hook.ts';
import { isThere } from './is-there.ts';
import { withLock } from './lock.ts';
import { fail } from './record-client.ts';
import { renameDurably } from './rename-durably.ts';

export interface BaseCache {
  /** Path of an image on this host, whether it is there or not: Nova's name for it. */
  readonly pathOf: (imageId: string) => string;
  /** Whether the image is here, with the content its record has. */
  readonly has: (image: ImageRef) => Promise<boolean>;
  /** Brings the image here, once however many ask: the others wait for the lock and find it. Raises `ImageUnacceptable`. */
  readonly fetch: (image: ImageRef) => Promise<void>;
}

/** The images of this host, `_base/<sha1 of the image's id>`, each written once and never changed: overlays stand on them. */
export function baseCache({ instancesDir, imageStore }: Pick<Config, 'instancesDir' | 'imageStore'>): BaseCache {
  const directory = join(instancesDir, '_base');
  const pathOf = (imageId: string) => join(directory, baseNameOf(imageId));

  return { pathOf, has, fetch };

  async function has({ id, checksum }: ImageRef): Promise<boolean> {
    const path = pathOf(id);
    const known = await checksumBeside(path);
    if (known !== null && known !== checksum) {
      throw fail('ImageUnacceptable', `image ${id} is cached with ${known}, its record says ${checksum}: an image never changes`);
    }
    return known !== null && (await isThere(path));
  }

  async function fetch(image: ImageRef): Promise<void> {
    await mkdir(directory, { recursive: true });
    const path = pathOf(image.id);
    await withLock(`${path}.lock`, async () => {
      if (await has(image)) return;
      await faultPoint('during');
      const partial = `${path}.part`;
      const source = await open(join(imageStore.directory, image.id), 'r').catch((error: unknown) => {
        throw errnoOf(error) === 'ENOENT'
          ? fail('ImageUnacceptable', `image ${image.id} is not in the store ${imageStore.directory}`)
          : error;
      });
      try {
        const { checksum } = await copyWithChecksum(source, partial, `fetch ${image.id}`);
        if (checksum !== image.checksum) {
          await rm(partial);
          throw fail('ImageUnacceptable', `image ${image.id} in the store has ${checksum}, its record says ${image.checksum}`);
        }
      } finally {
        await source.close();
      }
      await writeFile(`${path}.checksum`, `${image.checksum}\n`, { flush: true }); // an empty one after a power loss would refuse the image
      await renameDurably(partial, path);
    });
  }
}

async function checksumBeside(path: string): Promise<string | null> {
  try {
    return (await readFile(`${path}.checksum`, 'utf8')).trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
