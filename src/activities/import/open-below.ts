import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import { invalid } from '../accept/parse.ts';
import { errnoOf } from '../failures.ts';

/** Linux's flag to hold a file, of whatever kind, without opening it for anything; Node does not name it. */
const O_PATH = 0o10000000;

/**
 * The file, opened, when it lies below the directory with all links followed, and is a regular one. Its name is followed once: what was found
 * there is what is judged and read, whatever whoever writes in that directory makes of the name meanwhile. Raises `InvalidRequest`.
 */
export async function openBelow(directory: string, named: string): Promise<FileHandle> {
  const root = await realpath(directory).catch(() => directory);
  const found = await open(isAbsolute(named) ? named : join(root, named), O_PATH).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw invalid('source', `there is no file ${named} below ${directory} of this host`);
  });
  try {
    const itself = `/proc/self/fd/${found.fd}`;
    if (!(await readlink(itself)).startsWith(`${root}${sep}`)) throw invalid('source', `leads out of ${directory}`);
    if (!(await found.stat()).isFile()) throw invalid('source', `${named} is no regular file`);
    return await open(itself, constants.O_RDONLY);
  } finally {
    await found.close();
  }
}
