import type { SearchAttributeUpdatePair } from '@temporalio/common';
import type { Image } from '../../model/image.ts';
import {
  abandonImage,
  type BeginImage,
  beginImage,
  emptyImage,
  enterImage,
  finishImage,
  type ImageState,
  refusalToBeginImage,
  refusalToEnterImage,
} from '../../model/image-record.ts';
import { searchAttributes as attribute } from '../../model/search-attributes.ts';
import { backupTagOf } from '../../model/snapshot.ts';
import { serveHeldRecord } from './held.ts';
import { continueWith } from './life.ts';

/**
 * The record of one image: queued → saving → active, or killed when its import failed, was cancelled or terminated. Its run completes, with
 * the record, when the image is deleted.
 */
export async function image(carried: ImageState = emptyImage): Promise<Image> {
  const { end, state } = await serveHeldRecord<Image, ImageState, BeginImage, Partial<Image>>(carried, {
    begin: beginImage,
    enter: enterImage,
    finish: finishImage,
    abandon: abandonImage,
    refusalToBegin: refusalToBeginImage,
    refusalToEnter: refusalToEnterImage,
    attributes,
    memo,
    begun: ({ restingStatus, record }) => ({ restingStatus: restingStatus ?? record?.status }),
    isClosed: (_record, { isDeleted }) => isDeleted === true,
  });
  return end === 'closed' && state.record !== null ? state.record : continueWith<typeof image>(state);
}

function attributes({ name, status, properties }: Image): SearchAttributeUpdatePair[] {
  const tag = backupTagOf(properties);
  return [
    { key: attribute.objectName, value: name },
    { key: attribute.objectState, value: status },
    ...(tag === null ? [] : [{ key: attribute.tags, value: [tag] }]),
  ];
}

/** Whole, so that who wants an image of a name asks a list and no record. */
function memo(record: Image): object {
  const { diskFormat, sizeBytes, createdAt } = record;
  return { diskFormat, sizeBytes, createdAt, record };
}
