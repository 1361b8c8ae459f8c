import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../../config.ts';
import type { SnapshotFormat } from '../../model/snapshot.ts';
import type { Token } from '../../model/tenure.ts';
import { whyNoRoom } from '../disks/space.ts';
import { errnoOf } from '../failures.ts';
import { faultPoint } from '../fault-hook.ts';
import { holdingImagesIn, type WhileHolding } from '../holding.ts';
import { partialOf, type Stored, whatIsStored } from '../image-store.ts';
import { removePartial } from '../import/partial.ts';
import { inspect } from '../inspect.ts';
import { fail } from '../record-client.ts';
import { renameDurably } from '../rename-durably.ts';
import { copyResumably } from '../resumed-copy.ts';
import { lost, type OfSnapshot } from './extract.ts';
import { extractedImage, removeSnapshotFiles } from './files.ts';

export interface UploadActivities {
  /** Leaves nothing of the image in the store. Right when there is nothing. Repeatable. */
  removeUploaded(input: { token: Token; imageId: string; imageToken: Token }): Promise<void>;
}

export interface UploadLongActivities {
  /**
   * Copies what was extracted into the image store, under the image's id, and removes it here. Progress in bytes; what an attempt before
   * left is gone on with. Raises `DiskSpaceLow`, `ImageUnacceptable`, `SnapshotLost`. Repeatable.
   */
  uploadSnapshot(input: OfSnapshot & { imageToken: Token; format: SnapshotFormat }): Promise<Stored>;
}

export function uploadActivities(
  whileHolding: WhileHolding,
  { imageStore, instancesDir }: Pick<Config, 'imageStore' | 'instancesDir'>,
): UploadActivities & UploadLongActivities {
  const whileHoldingImage = holdingImagesIn(imageStore.directory);
  return {
    removeUploaded: ({ token, imageId, imageToken }) =>
      whileHoldingImage(imageId, atStepOf(token, imageToken), async (path) => {
        await removePartial(partialOf(path));
        await rm(path, { force: true });
      }),

    uploadSnapshot: async ({ token, instanceId, imageId, imageToken, format }) => {
      const stored = await whileHoldingImage(imageId, atStepOf(token, imageToken), async (path) => {
        const found = await whatIsStored(path, format);
        return found ?? upload(await extractedImage(join(instancesDir, instanceId), imageId), path, format);
      });
      await whileHolding(instanceId, token, (directory) => removeSnapshotFiles(directory, imageId));
      return stored;
    },
  };
}

/** The image is held by the token of its own record; which of the operation's steps acts is the same for both. */
function atStepOf({ step }: Token, imageToken: Token): Token {
  return step === undefined ? imageToken : { ...imageToken, step };
}

async function upload(from: string, path: string, format: SnapshotFormat): Promise<Stored> {
  const source = await open(from, 'r').catch((error: unknown) => {
    throw errnoOf(error) === 'ENOENT' ? lost() : error;
  });
  try {
    const virtualSizeBytes = await inspect(source, format); // a raw disk that looks like another format would be taken for it
    const partial = partialOf(path);
    const problem = await whyNoRoom(dirname(path), await missingBytes(source, partial));
    if (problem !== null) throw fail('DiskSpaceLow', problem);
    const copied = await copyResumably(source, partial, 'upload');
    await faultPoint('halfway');
    await renameDurably(partial, path);
    await removePartial(partial);
    return { ...copied, virtualSizeBytes };
  } finally {
    await source.close();
  }
}

/** What the store has still to take: holes cost nothing. */
async function missingBytes(source: FileHandle, partial: string): Promise<number> {
  const [{ blocks }, left] = await Promise.all([source.stat(), stat(partial).catch(() => null)]);
  return (blocks - (left?.blocks ?? 0)) * 512;
}
