import { z } from 'zod';
import { name, notYet, notYetOneOf, objectOf, wholeNumber } from './fields.ts';
import { maxDiskGiB } from './flavor.ts';

/** A disk that a request asks for beside what its flavor says, or in its place (Nova's `block_device_mapping_v2`). */
export const blockDevice = objectOf(
  {
    source: notYetOneOf(['blank', 'image'], ['snapshot', 'volume']).describe('What it begins as: empty, or the image of the request.'),
    destination: notYetOneOf(['local'], ['volume']).describe('Where it is kept: with the instance.'),
    bootIndex: z.exactOptional(wholeNumber(-1, 255)).describe('0: the root disk. -1 or left out: nothing boots from it.'),
    sizeGiB: z.exactOptional(wholeNumber(1, maxDiskGiB)).describe("Of a blank disk, at most what the flavor has; left out: the flavor's."),
    id: z.exactOptional(name).describe('The image of the request again.'),
    guestFormat: z.exactOptional(name).describe('Of a blank disk: `swap`, or the file system of an ephemeral disk.'),
    volume: notYet(),
  },
  'an object { source, destination, … }',
);
