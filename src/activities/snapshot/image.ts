import { ApplicationFailure } from '@temporalio/activity';
import type { Image } from '../../model/image.ts';
import type { EnterImage, FinishImage } from '../../model/image-record.ts';
import type { Token } from '../../model/tenure.ts';
import { whenListed } from '../listing.ts';
import { fail, queryRecord, update } from '../record-client.ts';
import { runOf } from '../records.ts';

interface HeldImage {
  readonly imageId: string;
  /** The operation's first run: the same after resets. */
  readonly firstRunId: string;
}

/** The record of an image that is made from an instance: held beside that of the instance. */
export interface SnapshotImageActivities {
  /** Says that the image is being stored; returns the token with which. Raises `ResetRefused`. Repeatable. */
  saveImage(input: HeldImage & { token: Token }): Promise<Token>;
  /** Lets the image go, whole, and returns it once lists show it. Repeatable. */
  completeImage(input: HeldImage & { token: Token; stored: Partial<Image> }): Promise<Image>;
  /** Says that the image is not to be; returns the token with which what was stored is removed, or null when it is one, or is over. Repeatable. */
  giveUpImage(input: HeldImage & { token: Token }): Promise<Token | null>;
  /** Ends the record of an image that is not to be, of which nothing is left. Right when it is over. Repeatable. */
  dropImage(input: HeldImage & { token: Token }): Promise<void>;
}

export const snapshotImageActivities: SnapshotImageActivities = {
  saveImage: ({ imageId, firstRunId }) => {
    const message: EnterImage = { run: runOf(firstRunId), part: 1, step: 'uploadSnapshot', changes: { status: 'saving' } };
    return update<Token>(`image/${imageId}`, 'enter', message, overOf(imageId));
  },

  giveUpImage: ({ imageId, firstRunId }) => {
    const message: EnterImage = { run: runOf(firstRunId), part: 1, step: 'removeUploaded', undoing: true };
    return update<Token>(`image/${imageId}`, 'enter', message, overOf(imageId)).catch((refusal: unknown) => {
      if (refusal instanceof ApplicationFailure && refusal.type === 'ResetRefused') return null;
      throw refusal;
    });
  },

  completeImage: async ({ imageId, firstRunId, stored }) => {
    const { record, shownAt } = await closeImage({ imageId, firstRunId, end: 'completed', changes: { status: 'active', ...stored } });
    await whenListed(`image/${imageId}`, shownAt);
    return record;
  },

  dropImage: async ({ imageId, firstRunId }) => {
    await closeImage({ imageId, firstRunId, end: 'failed', changes: { status: 'killed' }, isOver: true }).catch(
      async (failure: unknown) => {
        const image = await queryRecord<Image>('image', imageId);
        if (image !== null && image.status !== 'killed') throw failure;
      },
    );
  },
};

/** Lets the image go. Raises `ResetRefused` when its record is over. */
export function closeImage({
  imageId,
  firstRunId,
  ...message
}: HeldImage & Pick<FinishImage, 'end' | 'changes' | 'isOver'>): Promise<{ readonly record: Image; readonly shownAt: string }> {
  const finish: FinishImage = { run: runOf(firstRunId), part: 1, steps: [], ...message };
  return update(`image/${imageId}`, 'finish', finish, overOf(imageId));
}

function overOf(imageId: string): ReturnType<typeof fail> {
  return fail('ResetRefused', `image/${imageId} is over: what this operation began has ended`);
}
