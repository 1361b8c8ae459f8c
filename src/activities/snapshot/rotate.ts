import { setTimeout } from 'node:timers/promises';
import { Context, heartbeat, log } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import type { Image } from '../../model/image.ts';
import { literal } from '../../model/list-query.ts';
import { controlQueue } from '../../model/queues.ts';
import { searchAttributes as attribute } from '../../model/search-attributes.ts';
import { backupTag, outdated } from '../../model/snapshot.ts';
import type { Token } from '../../model/tenure.ts';
import { imagesThat } from '../accept/images.ts';
import { client, queryRecord } from '../record-client.ts';

export interface RotateActivities {
  /**
   * Deletes the oldest backups of an instance and a type beyond so many, each by an operation of its own; one that cannot be deleted, as
   * when instances stand on it, is left to the next rotation. Returns the image that was made last, as it is then. Heartbeats. Repeatable.
   */
  rotateBackups(input: { token: Token; instanceId: string; imageId: string; backupType: string; rotation: number }): Promise<Image>;
}

const heartbeatMs = 1_000;
/** A deletion that takes longer, as one that waits for an operator, goes on by itself. */
const patienceMs = 30_000;

export const rotateActivities: RotateActivities = {
  rotateBackups: async ({ instanceId, imageId, backupType, rotation }) => {
    const beats = setInterval(() => heartbeat(), heartbeatMs);
    try {
      for (const { id } of outdated(await backupsOf(instanceId, backupType), rotation)) await remove(id);
    } finally {
      clearInterval(beats);
    }
    const image = await queryRecord<Image>('image', imageId);
    if (image === null) throw new Error(`the record of image ${imageId} is gone`);
    return image;
  },
};

function backupsOf(instanceId: string, backupType: string): Promise<readonly Image[]> {
  return imagesThat(`${attribute.tags.name} = ${literal(backupTag(instanceId, backupType))} AND ${attribute.objectState.name} = 'active'`);
}

async function remove(imageId: string): Promise<void> {
  // One at a time for an image: an attempt before this one may have started it.
  const options = { taskQueue: controlQueue, workflowId: `rotate/${imageId}`, workflowIdConflictPolicy: 'USE_EXISTING' } as const;
  const run = await client().workflow.start('deleteImage', { ...options, args: [{ imageId, onFailure: 'rollback' }] });
  const ended = run.result().then(() => null, whyFailed);
  const { cancellationSignal: signal } = Context.current();
  const why = await Promise.race([ended, setTimeout(patienceMs, 'it is still under way', { signal })]);
  if (why !== null) log.warn('a backup that is too many could not be deleted', { imageId, why });
}

function whyFailed(error: unknown): string {
  if (!(error instanceof WorkflowFailedError)) throw error;
  return error.cause?.message ?? error.message;
}
