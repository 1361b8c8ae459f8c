import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { baseDirectory, baseNameOf, removalLock } from '../model/base-name.ts';
import type { BaseFormat } from '../model/instance.ts';
import { qemuFormatOf } from '../model/qemu-format.ts';
import type { ImageRef } from './accept/images.ts';
import { type BaseNote, readBaseNote, writeBaseNote } from './base-note.ts';
import { checksumOfFile, copyWithChecksum } from './copy.ts';
import { errnoOf } from './failures.ts';
import { faultPoint } from './fault-hook.ts';
import { inspectFile } from './inspect.ts';
import { isThere } from './is-there.ts';
import { withLock, withSharedLock } from './lock.ts';
import { convertDisk } from './qemu-img.ts';
import { fail } from './record-client.ts';
import { renameDurably } from './rename-durably.ts';

/** The file of this host that the overlays of an image stand on. It never changes. */
export interface Base {
  readonly path: string;
  readonly format: BaseFormat;
  /** `sha256:<hex>` of its bytes, the same on every host that made it so: the image's own, or that of what the image was converted to. */
  readonly checksum: string;
}

export interface BaseCache {
  /** Path of an image on this host, whether it is there or not: Nova's name for it. */
  readonly pathOf: (imageId: string) => string;
  /** The image's base, or null while it is not here. Raises `ImageUnusableHere` when another content is here under its id. */
  readonly baseOf: (image: ImageRef) => Promise<Base | null>;
  /**
   * Brings the image here, once however many ask: the others wait for the lock and find it. Raises `ImageUnacceptable`, `ImageUnusableHere`,
   * `DiskSpaceLow`.
   */
  readonly fetch: (image: ImageRef) => Promise<void>;
  /** Runs `work` while no base is removed for its age: between the look for a base and the end of what puts an overlay onto it. */
  readonly keeping: <T>(work: () => Promise<T>) => Promise<T>;
}

type CacheConfig = Pick<Config, 'instancesDir' | 'imageStore' | 'forceRawImages'>;

/** The images of this host, `_base/<sha1 of the image's id>`, each written once and never changed: overlays stand on them. */
export function baseCache({ instancesDir, imageStore, forceRawImages }: CacheConfig): BaseCache {
  const directory = join(instancesDir, baseDirectory);
  const pathOf = (imageId: string) => join(directory, baseNameOf(imageId));

  return {
    pathOf,
    baseOf,
    fetch,
    keeping: async (work) => {
      await mkdir(directory, { recursive: true });
      return withSharedLock(join(directory, removalLock), work);
    },
  };

  async function baseOf(image: ImageRef): Promise<Base | null> {
    const path = pathOf(image.id);
    if (!(await isThere(path))) return null; // a note alone is of a fetch that died
    const note = await readBaseNote(path);
    if (note === null) return null;
    if (note.image !== image.checksum) {
      throw fail(
        'ImageUnusableHere',
        `image ${image.id} is cached with ${note.image}, its record says ${image.checksum}: an image never changes`,
      );
    }
    return { path, ...(note.converted ?? { format: qemuFormatOf(image.diskFormat), checksum: note.image }) };
  }

  async function fetch(image: ImageRef): Promise<void> {
    await mkdir(directory, { recursive: true });
    const path = pathOf(image.id);
    await withLock(`${path}.lock`, async () => {
      if ((await baseOf(image)) !== null) return;
      await faultPoint('during');
      const partial = `${path}.part`;
      await copyFromStore(image, partial);
      await requireAsRecorded(image, partial).catch(async (refusal: unknown) => {
        await rm(partial);
        throw refusal;
      });
      const convertible = convertibleFormatOf(image);
      if (convertible === null) await put(partial, path, { image: image.checksum, converted: null });
      else await putConverted(image, convertible, partial, path);
    });
  }

  async function copyFromStore({ id, checksum }: ImageRef, partial: string): Promise<void> {
    const source = await open(join(imageStore.directory, id), 'r').catch((error: unknown) => {
      throw errnoOf(error) === 'ENOENT' ? fail('ImageUnusableHere', `image ${id} is not in the store ${imageStore.directory}`) : error;
    });
    try {
      const copied = await copyWithChecksum(source, partial, `fetch ${id}`);
      if (copied.checksum === checksum) return;
      await rm(partial);
      throw fail('ImageUnacceptable', `image ${id} in the store has ${copied.checksum}, its record says ${checksum}`);
    } finally {
      await source.close();
    }
  }

  /**
   * What the image is converted from, or null where it becomes the base as it is. Nova's `force_raw_images`: guests read raw bases faster,
   * and a raw one has no header that could lead anywhere. No guest runs on a vmdk.
   */
  function convertibleFormatOf({ diskFormat }: ImageRef): 'qcow2' | 'vmdk' | null {
    return diskFormat === 'vmdk' || (diskFormat === 'qcow2' && forceRawImages) ? diskFormat : null;
  }
}

/** Before qemu-img sees a disk: the record may be of a release that looked less closely. */
async function requireAsRecorded({ id, diskFormat, virtualSizeBytes }: ImageRef, file: string): Promise<void> {
  if (diskFormat === 'aki' || diskFormat === 'ari') return;
  const found = await inspectFile(file, diskFormat);
  if (found === virtualSizeBytes) return;
  throw fail('ImageUnacceptable', `image ${id} has a virtual size of ${found} bytes, its record says ${virtualSizeBytes}: import it again`);
}

/** The bytes of a raw file are the disk's and nothing else: their checksum is the same on every host. */
async function putConverted(
  { id, checksum, virtualSizeBytes }: ImageRef,
  fromFormat: 'qcow2' | 'vmdk',
  from: string,
  path: string,
): Promise<void> {
  const converted = `${path}.converted`;
  await rm(converted, { force: true }); // of a conversion that died
  await convertDisk({ step: `convert ${id}`, from, fromFormat, to: converted, toFormat: 'raw', virtualSizeBytes });
  await put(converted, path, { image: checksum, converted: { format: 'raw', checksum: await checksumOfFile(converted) } });
  await rm(from);
}

/** Gives a whole file its name as a base. The note goes first: a base without one is not used. */
async function put(file: string, path: string, note: BaseNote): Promise<void> {
  if (await isThere(path)) await requireSame(path, note);
  await writeBaseNote(path, note);
  await renameDurably(file, path);
}

/** A base whose note somebody removed is noted again, and never replaced by another content: overlays may stand on it. */
async function requireSame(path: string, { image, converted }: BaseNote): Promise<void> {
  const [found, due] = [await checksumOfFile(path), converted?.checksum ?? image];
  if (found === due) return;
  throw fail('ImageUnusableHere', `${path} has no checksum beside it and holds ${found}, not ${due}: remove it when nothing stands on it`);
}
