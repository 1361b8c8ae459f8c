import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { together } from '../../model/together.ts';
import type { BootImages } from '../accept/images.ts';
import type { BaseCache } from '../base-cache.ts';
import { madeAside } from './made-aside.ts';

/** Makes a file that QEMU boots a guest with: a copy of its own, since the hypervisor changes the owner of what a guest boots. */
export async function makeBootFile(path: string, base: string): Promise<void> {
  await madeAside(path, (partial) => copyFile(base, partial, constants.COPYFILE_FICLONE));
}

/** Makes the kernel and the ramdisk of a guest, of images that are on the host. Those that are there are kept. */
export async function makeBootFiles(
  directory: string,
  { kernel, ramdisk }: BootImages,
  { pathOf }: Pick<BaseCache, 'pathOf'>,
): Promise<void> {
  await together(
    Object.entries({ kernel, ramdisk }).map(([name, image]) => image && makeBootFile(join(directory, name), pathOf(image.id))),
  );
}
