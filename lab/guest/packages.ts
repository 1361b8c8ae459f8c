import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.ts';

/**
 * Downloads the packages that `which` names into `dir`, unless some are there from another time. Nothing is installed, so the machine goes
 * on booting as before. Needs a network and apt's package lists.
 */
export async function downloadPackages(dir: string, which: () => Promise<readonly string[]>): Promise<void> {
  await mkdir(dir, { recursive: true });
  if ((await packagesIn(dir)).length > 0) return;
  const names = await which();
  if (names.length === 0) return; // apt-get fails when it is to download nothing
  const partial = await mkdtemp(join(dir, 'partial-'));
  try {
    await run('apt-get', ['download', '-q', ...names], { cwd: partial });
    for (const file of await packagesIn(partial)) await rename(join(partial, file), join(dir, file));
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Unpacks the packages that lie in `packages` into `dir`. */
export async function unpackPackages(packages: string, dir: string): Promise<void> {
  for (const file of await packagesIn(packages)) await run('dpkg-deb', ['-x', join(packages, file), dir]);
}

async function packagesIn(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.endsWith('.deb'));
}
