import type { Image, ImageFormat } from '../../model/image.ts';
import { literal } from '../../model/list-query.ts';
import { uuid } from '../../schema/patterns.ts';
import { client, fail, queryRecord } from '../record-client.ts';
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
  const root = uuid.test(wanted) ? await activeImage(wanted) : await imageNamed(wanted);
  if (!guestDisks.has(root.diskFormat)) throw invalid('image', `is of format ${root.diskFormat}, from which no root disk is made`);
  const { kernelId, ramdiskId } = root;
  const booted = (await activeImages([kernelId, ramdiskId].filter((id) => id !== null))).map(refOf);
  const refWith = (id: string | null) => booted.find((ref) => ref.id === id) ?? null;
  return {
    minimum: root,
    image: { root: refOf(root), kernel: refWith(kernelId), ramdisk: refWith(ramdiskId), properties: root.properties },
  };
}

/** The image of this id. Raises `ImageNotFound` when there is none that can be used. */
export async function activeImage(id: string): Promise<Image> {
  const [image] = await activeImages([id]);
  if (image === undefined) throw absent(id);
  return image;
}

/** The images of these ids, in their order. Raises `ImageNotFound` when one cannot be used. */
export async function activeImages(ids: readonly string[]): Promise<readonly Image[]> {
  if (ids.length === 0) return [];
  const listed = await imagesThat(`WorkflowId IN (${ids.map((id) => literal(`image/${id}`)).join(', ')})`);
  return ids.map((id) => {
    const image = listed.find((one) => one.id === id);
    if (image === undefined) throw absent(id);
    if (image.status !== 'active') throw fail('ImageNotFound', `image ${image.name} (${id}) is ${image.status}, not active`);
    return image;
  });
}

async function imageNamed(name: string): Promise<Image> {
  const images = await imagesThat(`ObjectName = ${literal(name)} AND ObjectState = 'active'`);
  const [image] = images;
  if (image === undefined) throw fail('ImageNotFound', `there is no active image named ${name}`);
  if (images.length === 1) return image;
  const ids = images.map(({ id }) => id).sort();
  throw invalid('image', `names ${images.length} images: give one of their ids, ${ids.join(', ')}`);
}

/**
 * Images as their records show them in lists: a build asks for its image, kernel and ramdisk in two calls that run no workflow
 * task. An image that is being deleted may be shown for some milliseconds more: the host that wants its file says so.
 */
export async function imagesThat(matching: string): Promise<readonly Image[]> {
  const images: Image[] = [];
  const query = `WorkflowType = 'image' AND ExecutionStatus = 'Running' AND ${matching}`;
  for await (const { workflowId, memo } of client().workflow.list({ query })) {
    // Records that nothing changed since before 0.2 show no more than a table needs.
    const image = (memo?.['record'] as Image | undefined) ?? (await queryRecord<Image>('image', workflowId.slice('image/'.length)));
    if (image !== null) images.push(image);
  }
  return images;
}

function absent(id: string): Error {
  return fail('ImageNotFound', `there is no image ${id}`);
}

/** An image of a record as host steps need it. */
export function refOf({ id, checksum, diskFormat, virtualSizeBytes, sizeBytes }: Image): ImageRef {
  if (checksum === null) throw fail('ImageNotFound', `image ${id} has no checksum`);
  return { id, checksum, diskFormat, virtualSizeBytes: virtualSizeBytes ?? sizeBytes ?? 0 };
}
