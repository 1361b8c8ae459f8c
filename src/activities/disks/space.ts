import { statfs } from 'node:fs/promises';
import { CommandFailed } from '../failures.ts';
import { fail } from '../record-client.ts';

/** Where less is left no command can have written what it had to. */
const fullBytes = 1024 ** 2;

/** Raises `DiskSpaceLow` in place of a command's failure when nothing is left below `directory`: commands have one exit code for all that fails. */
export async function noticingFullDisk<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize >= fullBytes) throw error;
    throw fail('DiskSpaceLow', `${directory} has ${bavail * bsize} bytes left: ${error.message}`);
  }
}

/** Why a file of so many bytes would fill the file system of `directory`, where others write, too; null when it would not. */
export async function whyNoRoom(directory: string, neededBytes: number): Promise<string | null> {
  const { bavail, bsize } = await statfs(directory);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes + fullBytes) return null;
  return `${directory} has ${Math.floor(freeBytes / MiB)} MiB free, ${Math.ceil(neededBytes / MiB)} MiB are needed`;
}

const MiB = 1024 ** 2;
