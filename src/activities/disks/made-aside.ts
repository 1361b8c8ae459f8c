import { rm } from 'node:fs/promises';
import { faultPoint } from '../fault-hook.ts';
import { isThere } from '../is-there.ts';
import { renameDurably } from '../rename-durably.ts';

/** Makes a file under another name, syncs it and renames it, so that a file of this name is always whole. One that is there is kept: it may be in use. */
export async function madeAside(path: string, make: (partial: string) => Promise<void>): Promise<void> {
  await madeAsideIf(path, async (partial) => {
    await make(partial);
    return true;
  });
}

/** The same, but `make` may answer that it does not: then nothing is left. Returns whether the file is there. */
export async function madeAsideIf(path: string, make: (partial: string) => Promise<boolean>): Promise<boolean> {
  if (await isThere(path)) return true;
  const partial = `${path}.partial`;
  await rm(partial, { force: true });
  if (!(await make(partial))) {
    await rm(partial, { force: true });
    return false;
  }
  await faultPoint('halfway');
  await renameDurably(partial, path);
  return true;
}
