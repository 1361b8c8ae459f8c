import { readdir } from 'node:fs/promises';
import { errnoOf } from './failures.ts';

/** The names in a directory, sorted; none where there is no such directory, or a file has its place. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
