import { createHash } from 'node:crypto';

/** The file name of an image in `_base`, which is Nova's. */
export function baseNameOf(imageId: string): string {
  return createHash('sha1').update(imageId).digest('hex');
}
