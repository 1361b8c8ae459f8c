import type { Image, ImageStatus } from '../../model/image.ts';
import type { BeginImage, BegunImage } from '../../model/image-record.ts';
import type { Accepted } from '../../model/operation.ts';
import { concurrently } from '../concurrently.ts';
import { currentContext } from '../context.ts';
import { namesOf } from '../listing.ts';
import { client, fail, queryRecord, update } from '../record-client.ts';
import { runOf } from '../records.ts';
import { anyHost } from './import.ts';
import { type AcceptInput, parsed } from './parse.ts';

export interface AcceptedDeleteImage extends Accepted {
  readonly image: Image;
  /** What the image was before it was taken: it is so again when nothing was removed. */
  readonly restingStatus: ImageStatus;
  readonly host: string;
  readonly projectId: string;
}

export interface AcceptDeleteImageActivities {
  /** Takes an image that nothing uses for its deletion. Raises `ImageNotFound`, `ImageInUse` with nothing changed. Repeatable. */
  acceptDeleteImage(input: AcceptInput): Promise<AcceptedDeleteImage>;
}

export const acceptDeleteImageActivities: AcceptDeleteImageActivities = {
  acceptDeleteImage: async ({ request, firstRunId }) => {
    const { userId, projectId } = currentContext();
    const { imageId, onFailure = 'park' } = parsed('deleteImage', request);
    const absent = fail('ImageNotFound', `there is no image ${imageId}`);
    const found = await queryRecord<Image>('image', imageId);
    if (found === null) throw absent;
    const [host] = await Promise.all([anyHost(), requireUnused(found)]);

    const run = runOf(firstRunId);
    const begin: BeginImage = { run, type: 'deleteImage', userId, create: null };
    const { token, record: image, restingStatus } = await update<BegunImage>(`image/${imageId}`, 'begin', begin, absent);
    // Once more, now that no build begins from it: one may have begun meanwhile.
    await requireUnused(image).catch(async (refusal: unknown) => {
      const changes = { status: restingStatus };
      await update(`image/${imageId}`, 'finish', { run, part: 1, end: 'failed', steps: [], changes }, absent);
      throw refusal;
    });
    return { token, onFailure, image, restingStatus, host, projectId };
  },
};

/** Raises `ImageInUse` that names one who needs the image. */
async function requireUnused({ id, name, diskFormat }: Image): Promise<void> {
  const user = diskFormat === 'aki' || diskFormat === 'ari' ? await imageThatStartsWith(id) : await instanceMadeFrom(id);
  if (user !== null) throw fail('ImageInUse', `image ${name} (${id}) is used by ${user}: delete that first`);
}

/** Instances start with a kernel by their image, which is there as long as they are. */
async function imageThatStartsWith(id: string): Promise<string | null> {
  const images = await concurrently(await namesOf('image', "ObjectState = 'active'"), queriesAtOnce, (one) =>
    queryRecord<Image>('image', one),
  );
  const user = images.find((image) => image?.kernelId === id || image?.ramdiskId === id) ?? null;
  return user === null ? null : `image ${user.name} (${user.id})`;
}

const queriesAtOnce = 16;

async function instanceMadeFrom(id: string): Promise<string | null> {
  const query = "WorkflowType = 'instance' AND ExecutionStatus = 'Running'";
  for await (const { workflowId, memo } of client().workflow.list({ query, pageSize: 1000 })) {
    // Instances of before this release say the one image that they were built from.
    const images = memo?.['images'] ?? [memo?.['image']];
    if (Array.isArray(images) && images.includes(id)) return `instance ${workflowId.slice('instance/'.length)}`;
  }
  return null;
}
