import { z } from 'zod';
import { type Image, imageFormats } from '../model/image.ts';
import { describes } from './describes.ts';
import { checksum, count, id, stringMap, time } from './values.ts';

/** The record of an image. */
export const image = describes<Image>()(
  z.strictObject({
    id,
    name: z.string(),
    status: z.enum(['queued', 'saving', 'active', 'killed']),
    diskFormat: z.enum(imageFormats),
    sizeBytes: count.nullable(),
    virtualSizeBytes: count.nullable(),
    checksum: checksum.nullable(),
    minRootGiB: count,
    minMemoryMiB: count,
    kernelId: id.nullable(),
    ramdiskId: id.nullable(),
    properties: stringMap,
    createdAt: time,
  }),
);
