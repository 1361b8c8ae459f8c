import { readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { liveCopyPaths } from '../../model/live-copy.ts';
import { snapshotsDirectory } from '../../model/snapshot.ts';
import { errnoOf } from '../failures.ts';

/** Where an instance's directory has what is to become an image. */
export function snapshotPlace(directory: string, imageId: string): string {
  return join(directory, snapshotsDirectory, imageId);
}

/** A copy of the disk that was taken while the guest ran. */
export function copyOfDisk(directory: string, imageId: string): string {
  return liveCopyPaths(directory, imageId).copy;
}

/**
 * What was extracted of the disk, whole when it is there. It is never synced: it goes within minutes, and waiting for it would cost as much
 * again as storing it. So its name says in which life of the host it was written; what a power loss leaves of it is not taken for it.
 */
export async function extractedImage(directory: string, imageId: string): Promise<string> {
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  return join(snapshotPlace(directory, imageId), `image-${bootId.trim()}`);
}

/** Leaves nothing of an image in the instance's directory. */
export async function removeSnapshotFiles(directory: string, imageId: string): Promise<void> {
  await rm(snapshotPlace(directory, imageId), { recursive: true, force: true });
  await rmdir(join(directory, snapshotsDirectory)).catch((error: unknown) => {
    if (!['ENOENT', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
  });
}
