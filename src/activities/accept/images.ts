import type { Image, ImageFormat } from '../../model/image.ts';
import { literal } from '../../model/list-query.ts';
import { uuid } from '../../schema/patterns.ts';
import { namesOf } from '../listing.ts';
import { fail, queryRecord } from '../record-client.ts';
import { invalid } from './parse.ts';

/** An image as host steps need it. */
export interface ImageRef {
  readonly id: string;
  readonly checksum: string;
  readonly diskFormat: ImageFormat;
  readonly virtualSizeBytes: number;
}

/** The images of a guest: its root disk's, and what QEMU boots it with. */
export interface BootImages {
  readonly root: ImageRef;
  readonly kernel: ImageRef | null;
  readonly ramdisk: ImageRef | null;
  readonly properties: Readonly<Record<string, string>>;
}

/** What a root disk is made from. A CD is none: a guest would need a disk beside it. */
const guestDisks: ReadonlySet<ImageFormat> = new Set(['raw', 'qcow2', 'vmdk']);

/** The image that a request names by id or name, with its kernel and ramdisk. Raises `ImageNotFound`, `InvalidRequest`. */
export async function bootImages(wanted: string): Promise<{ image: BootImages; minimum: Image }> {
  const root = await activeImage(uuid.test(wanted) ? wanted : await idOfImage(wanted));
  if (!guestDisks.has(root.diskFormat)) throw invalid('image', `is of format ${root.diskFormat}, from which no root disk is made`);
  const [kernel, ramdisk] = await Promise.all([root.kernelId, root.ramdiskId].map((id) => (id === null ? null : activeImage(id))));
  return {
    minimum: root,
    image: { root: refOf(root), kernel: refOrNull(kernel), ramdisk: refOrNull(ramdisk), properties: root.properties },
  };
}

/** The image of this id. Raises `ImageNotFound` when there is none that can be used. */
export async function activeImage(id: string): Promise<Image> {
  const image = await queryRecord<Image>('image', id);
  if (image === null) throw fail('ImageNotFound', `there is no image ${id}`);
  if (image.status !== 'active') throw fail('ImageNotFound', `image ${image.name} (${id}) is ${image.status}, not active`);
  return image;
}

async function idOfImage(name: string): Promise<string> {
  const ids = await namesOf('image', `ObjectName = ${literal(name)} AND ObjectState = 'active'`);
  const [id] = ids;
  if (id === undefined) throw fail('ImageNotFound', `there is no active image named ${name}`);
  if (ids.length > 1) throw invalid('image', `names ${ids.length} images: give one of their ids, ${ids.join(', ')}`);
  return id;
}

function refOrNull(image: Image | null | undefined): ImageRef | null {
  return image === null || image === undefined ? null : refOf(image);
}

/** An image of a record as host steps need it. */
export function refOf({ id, checksum, diskFormat, virtualSizeBytes, sizeBytes }: Image): ImageRef {
  if (checksum === null) throw fail('ImageNotFound', `image ${id} has no checksum`);
  return { id, checksum, diskFormat, virtualSizeBytes: virtualSizeBytes ?? sizeBytes ?? 0 };
}
