import { rm } from 'node:fs/promises';
import { faultPoint } from '../fault-hook.ts';
import { isThere } from '../is-there.ts';
import { renameDurably } from '../rename-durably.ts';

/** Makes a file under another name, syncs it and renames it, so that a file of this name is always whole. One that is there is kept: it may be in use. */
export async function madeAside(path: string, make: (partial: string) => Promise<void>): Promise<void> {
  if (!(await isThere(path))) await replacedAside(path, make);
}

/** The same, but one that is there is replaced. */
export async function replacedAside(path: string, make: (partial: string) => Promise<void>): Promise<void> {
  await made(path, async (partial) => {
    await make(partial);
    return true;
  });
}

/** As `madeAside`, but `make` may answer that it did not begin. Returns whether the file is there. */
export async function madeAsideIf(path: string, make: (partial: string) => Promise<boolean>): Promise<boolean> {
  return (await isThere(path)) || made(path, make);
}

async function made(path: string, make: (partial: string) => Promise<boolean>): Promise<boolean> {
  const partial = `${path}.partial`;
  await rm(partial, { force: true });
  if (!(await make(partial))) return false;
  await faultPoint('halfway');
  await renameDurably(partial, path);
  return true;
}
