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
