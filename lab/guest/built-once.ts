import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Becomes a part of all that is built here. */
export const busybox = '/bin/busybox';

/**
 * The directory below `parent` that holds what `build` makes of the files in `sources` and this machine's busybox: as it was made before, or
 * made now. Two may build it at the same time, and one that dies leaves nothing that is taken for it. `build` writes to `built` and has
 * `work` for all else.
 */
export async function builtOnce(
  parent: string,
  sources: readonly string[],
  build: (built: string, work: string) => Promise<void>,
): Promise<string> {
  await mkdir(parent, { recursive: true });
  const dir = join(parent, await hashOf(sources));
  if ((await readdir(dir).catch(() => [])).length > 0) return dir;
  const work = await mkdtemp(join(parent, 'partial-'));
  try {
    const built = join(work, 'built');
    await mkdir(built);
    await build(built, work);
    // Of two that build at the same time the second finds the place taken by the same thing.
    await rename(built, dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return dir;
}

async function hashOf(directories: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const directory of directories) {
    for (const name of (await readdir(directory)).sort()) hash.update(await readFile(join(directory, name)));
  }
  return hash
    .update(await readFile(busybox))
    .digest('hex')
    .slice(0, 16);
}
