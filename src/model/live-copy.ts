import { join } from 'node:path';
import type { Mirror } from './live-disk.ts';
import { snapshotsDirectory } from './snapshot.ts';

/** Where what a live snapshot copies lies, in a directory that the snapshot has to itself. */
export interface LiveCopyPaths {
  /** What the guest's QEMU writes to. */
  readonly partial: string;
  /** The same when it is complete and closed. */
  readonly copy: string;
  /** Is there while the guest's file systems may be frozen. */
  readonly frozen: string;
}

/** The paths of a snapshot's copy, by the directory of its instance and the image that is made. */
export function liveCopyPaths(directory: string, imageId: string): LiveCopyPaths {
  const own = join(directory, snapshotsDirectory, imageId);
  return { partial: join(own, 'copy.partial'), copy: join(own, 'copy'), frozen: join(own, 'frozen') };
}

/**
 * Whose job a disk has. `over`: of a snapshot of this instance that can do nothing any more, since another operation holds the
 * instance. `others`: a migration's, or somebody's at the console, and not to be touched.
 */
export type JobOwner = 'nobody' | 'us' | 'over' | 'others';

/**
 * Whose job a disk has, by where it writes: only copies of ours write there. To be asked by the operation that holds the instance, which
 * makes the image `imageId`.
 * @param isFound whether libvirt knows of a job; that of a migration has no mirror
 * @param directory the instance's
 */
export function jobOwner(isFound: boolean, mirror: Mirror | null, directory: string, imageId: string): JobOwner {
  if (mirror === null) return isFound ? 'others' : 'nobody';
  if (mirror.path === null || !mirror.path.startsWith(`${directory}/${snapshotsDirectory}/`)) return 'others';
  return mirror.path === liveCopyPaths(directory, imageId).partial ? 'us' : 'over';
}
