import { stat } from 'node:fs/promises';

/** What `stat` counts in. */
const blockBytes = 512;

/** What a file takes of its disk, holes not counted. */
export async function allocatedBytes(path: string): Promise<number> {
  const { blocks } = await stat(path);
  return blocks * blockBytes;
}
