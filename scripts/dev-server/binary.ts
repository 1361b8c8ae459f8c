import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { cacheDirectory } from '../../src/cache-directory.ts';

/** The `temporal` command that set-up puts in the user's cache. */
export const TEMPORAL_VERSION = '1.5.1';

/** Finds the `temporal` command: the one that set-up built or downloaded, else one on PATH; throws a sentence when there is none. */
export async function findTemporal(): Promise<string> {
  const candidates = [
    join(cacheDirectory(), 'temporal', TEMPORAL_VERSION, 'temporal'),
    ...(process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'temporal')),
  ];
  for (const file of candidates) {
    if (await isExecutable(file)) return file;
  }
  throw new Error('there is no temporal command: run "sh scripts/setup.sh"');
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
