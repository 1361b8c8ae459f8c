import { z } from 'zod';
import { propertyProblems } from '../model/hardware/properties.ts';
import { imageFormats } from '../model/image.ts';
import { snapshotFormats } from '../model/snapshot.ts';
import { snapshotModes } from '../model/snapshot-mode.ts';
import { flag, hostName, id, must, name, objectOf, oneOf, stringMap, textOf, wholeNumber } from './fields.ts';
import { hostNames } from './host-requests.ts';
import { onFailure } from './on-failure.ts';
import * as patterns from './patterns.ts';

const source = z
  .string(must('a source: file:/path or https://server/path'))
  .regex(/^(?!http:)/, 'must not be http:, on whose way anybody may change the image: give https:')
  .regex(
    patterns.imageSource,
    'must be file: and a path of at most 1024 characters, without "..", or an https: URL of at most 2048, without credentials and fragment',
  );

/** What Nova knows is what a guest will get, or refused by name; any other name is free. */
const properties = stringMap.superRefine((map, context) => {
  for (const { field, message } of propertyProblems(map)) context.addIssue({ code: 'custom', path: [field], message });
});

/** `importImage`: takes a file below the import directory of a host, or from a server, into the image store. */
export const importImage = objectOf({
  name,
  source,
  diskFormat: oneOf(imageFormats),
  checksum: z.exactOptional(textOf(patterns.checksum, 'sha256: and 64 hexadecimal digits in lower case')),
  imageId: z.exactOptional(id),
  kernelId: z.exactOptional(id),
  ramdiskId: z.exactOptional(id),
  properties: z.exactOptional(properties),
  minRootGiB: z.exactOptional(wholeNumber(0, 65_536)),
  minMemoryMiB: z.exactOptional(wholeNumber(0, 16 * 1024 ** 2)),
  host: z.exactOptional(hostName),
  onFailure,
}).refine(({ kernelId, ramdiskId }) => ramdiskId === undefined || kernelId !== undefined, {
  path: ['ramdiskId'],
  error: 'needs kernelId: a ramdisk starts with its kernel',
});

/** What is made of an instance's disk. */
const madeFromDisk = {
  format: z.exactOptional(oneOf(snapshotFormats)).describe('The format of the image. Default: that of the disk, as recorded.'),
  compress: z.exactOptional(flag).describe('Whether a qcow2 image is compressed, which takes longer. Default: false.'),
  imageId: z.exactOptional(id),
  properties: z.exactOptional(properties),
};

/** `snapshotInstance`: makes an image from an instance's root disk. */
export const snapshotInstance = objectOf({
  instanceId: id,
  name: name.describe('Of the image.'),
  mode: z
    .exactOptional(oneOf(snapshotModes))
    .describe(
      'live: the guest runs on while its disk is copied; cold: it is away while its disk is read, its memory saved meanwhile. Default: auto, which is live where that is possible.',
    ),
  ...madeFromDisk,
  onFailure,
});

/** `backupInstance`: the same by a name and a type; of the instance's backups of that type the newest are kept. */
export const backupInstance = objectOf({
  instanceId: id,
  name: name.describe('Of the image.'),
  backupType: textOf(patterns.text(1, 64), 'text of 1 to 64 characters, without control characters').describe('Such as daily.'),
  rotation: wholeNumber(0, 1000).describe('How many of this type are kept, this one included.'),
  onFailure,
});

/** `deleteImage`: takes an image that nothing uses out of the store. */
export const deleteImage = objectOf({ imageId: id, onFailure });

/** `cacheImage`: brings an image to hosts before a build needs it there; to all that are up and enabled, or to these. */
export const cacheImage = objectOf({ imageId: id, hosts: z.exactOptional(hostNames), onFailure });
