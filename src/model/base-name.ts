import { createHash } from 'node:crypto';

/** The directory of the images of a host, below its instances: Nova's. */
export const baseDirectory = '_base';

/** The lock in it that whoever removes a base takes alone, and whoever is about to put an overlay onto one with others. */
export const removalLock = 'lock';

/** The file name of an image in `_base`, which is Nova's. */
export function baseNameOf(imageId: string): string {
  return createHash('sha1').update(imageId).digest('hex');
}

const baseName = new RegExp(`(?:^|/)${baseDirectory}/([0-9a-f]{40})(?![0-9a-f])`, 'g');

/** The bases whose paths a text has: the description of a domain, or what a disk says it stands on. */
export function baseNamesIn(text: string): readonly string[] {
  return [...text.matchAll(baseName)].flatMap(([, name]) => name ?? []);
}
