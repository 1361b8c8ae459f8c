import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { madeAside } from './made-aside.ts';

/** Makes a file that QEMU boots a guest with: a copy of its own, since the hypervisor changes the owner of what a guest boots. */
export async function makeBootFile(path: string, base: string): Promise<void> {
  await madeAside(path, (partial) => copyFile(base, partial, constants.COPYFILE_FICLONE));
}
