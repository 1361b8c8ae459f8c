import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Gives a file that was made under another name its own, so that a power loss leaves either no file of that name or all of
 * this one: its content is synced before, and after it the directory, without which the new name may be lost.
 */
export async function renameDurably(from: string, to: string): Promise<void> {
  await syncContent(from);
  await rename(from, to);
  await syncContent(dirname(to));
}

/** Returns when what was written to a file or a block device will survive a power loss. */
export async function syncContent(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
