import { tellProgress } from '../progress.ts';
import { run } from '../run.ts';

/** Small enough that a cancel is heard between two of them on a slow drive, and large enough that commands cost nothing beside them. */
const chunkBytes = 1024 ** 3;

/**
 * Writes zeros over a whole block device, by the device's own command where it has one. Says how far it is as `step`. Whoever calls
 * sees to it that nobody else has the device: blkdiscard looks for a file system, and would refuse what is to be wiped.
 */
export async function zero(path: string, totalBytes: number, step: string): Promise<void> {
  for (let doneBytes = 0; doneBytes < totalBytes; doneBytes += chunkBytes) {
    tellProgress({ step, doneBytes, totalBytes });
    const length = Math.min(chunkBytes, totalBytes - doneBytes);
    await run('blkdiscard', ['--force', '--zeroout', '--offset', `${doneBytes}`, '--length', `${length}`, path]);
  }
}
