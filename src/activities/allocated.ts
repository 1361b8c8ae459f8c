import { stat } from 'node:fs/promises';

/** What `stat` counts in. */
const blockBytes = 512;

/** What a file takes of its disk, holes not counted; 0 when it is not there. */
export async function allocatedBytes(path: string): Promise<number> {
  return stat(path).then(
    ({ blocks }) => blocks * blockBytes,
    () => 0,
  );
}
