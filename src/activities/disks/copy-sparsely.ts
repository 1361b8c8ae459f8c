import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { errnoOf } from '../failures.ts';
import { run } from '../run.ts';

/** What file systems say that cannot share blocks between two files, or not between these. */
const noClone: ReadonlySet<string | null> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'EXDEV', 'EINVAL', 'ENOTTY', 'ENOSYS']);

/** Lets a new file share all blocks of another, where the file system can (XFS, btrfs). Returns whether it did. */
export async function clone(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    if (noClone.has(errnoOf(error))) return false;
    throw error;
  }
}

/** Copies a file and leaves its zeros out, or shares its blocks. */
export async function copySparsely(from: string, to: string): Promise<void> {
  if (!(await clone(from, to))) await run('cp', ['--sparse=always', '--', from, to]);
}
