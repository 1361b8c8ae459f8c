import { constants } from 'node:fs';
import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { configDriveFiles } from '../model/config-drive.ts';
import type { Disk, Instance } from '../model/instance.ts';
import type { Token } from '../model/tenure.ts';
import { createOverlayArgs } from '../qemu/img.ts';
import type { BootImages, ImageRef } from './accept/images.ts';
import type { Vif } from './addresses.ts';
import type { BaseCache } from './base-cache.ts';
import type { WhileHolding } from './holding.ts';
import { isThere } from './is-there.ts';
import { renameDurably } from './rename-durably.ts';
import { run } from './run.ts';

export interface DiskActivities {
  /**
   * Makes what the guest boots from: root overlay, kernel, ramdisk, config drive. What is there already is kept. Images that are not on
   * the host yet are `missing`, and nothing is made. Raises `DiskSpaceLow`, `ImageUnacceptable`.
   */
  createDisks(input: {
    token: Token;
    instance: Instance;
    image: BootImages;
    vifs: readonly Vif[];
    publicKeys: readonly string[];
    hasConfigDrive: boolean;
  }): Promise<{ readonly disks: readonly Disk[]; readonly missing: readonly ImageRef[] }>;
}

export interface DiskLongActivities {
  /** Brings images to the host, each once. Progress in bytes. Raises `ImageUnacceptable`, `DiskSpaceLow`. Repeatable. */
  fetchBases(input: { token: Token; images: readonly ImageRef[] }): Promise<void>;
}

export function diskActivities(whileHolding: WhileHolding, bases: BaseCache): DiskActivities & DiskLongActivities {
  return {
    fetchBases: async ({ images }) => {
      for (const image of images) await bases.fetch(image);
    },

    createDisks: ({ token, instance, image, vifs, publicKeys, hasConfigDrive }) =>
      whileHolding(instance.id, token, async (directory) => {
        const missing = await missingBases([image.root, image.kernel, image.ramdisk].filter((one) => one !== null));
        if (missing.length > 0) return { disks: [], missing };
        const [root, config] = await Promise.all([
          rootDisk(directory, instance, image.root),
          hasConfigDrive ? configDrive(directory, instance, vifs, publicKeys) : null,
          image.kernel === null ? null : bootFile(directory, 'kernel', image.kernel),
          image.ramdisk === null ? null : bootFile(directory, 'ramdisk', image.ramdisk),
        ]);
        return { disks: config === null ? [root] : [root, config], missing };
      }),
  };

  async function missingBases(images: readonly ImageRef[]): Promise<readonly ImageRef[]> {
    const here = await Promise.all(images.map(bases.has));
    return images.filter((_image, index) => !here[index]);
  }

  async function rootDisk(
    directory: string,
    { flavor }: Instance,
    { id, checksum, diskFormat, virtualSizeBytes }: ImageRef,
  ): Promise<Disk> {
    const path = join(directory, 'disk');
    const sizeBytes = flavor.rootGiB === 0 ? virtualSizeBytes : flavor.rootGiB * 1024 ** 3;
    const baseFormat = diskFormat === 'qcow2' ? 'qcow2' : 'raw';
    await madeAside(path, async (partial) => {
      await run('qemu-img', createOverlayArgs({ base: bases.pathOf(id), baseFormat, path: partial, sizeBytes }));
    });
    return { name: 'disk', target: 'vda', kind: 'qcow2', format: 'qcow2', sizeBytes, backing: { imageId: id, checksum } };
  }

  /** A copy of its own: the hypervisor changes the owner of what a guest boots. */
  async function bootFile(directory: string, name: 'kernel' | 'ramdisk', { id }: ImageRef): Promise<void> {
    await madeAside(join(directory, name), (partial) => copyFile(bases.pathOf(id), partial, constants.COPYFILE_FICLONE));
  }

  async function configDrive(directory: string, instance: Instance, vifs: readonly Vif[], publicKeys: readonly string[]): Promise<Disk> {
    const path = join(directory, 'disk.config');
    const ports = vifs.map(({ port, mtu, dns }) => ({ ...port, mtu, dns }));
    await madeAside(path, async (partial) => {
      const tree = join(directory, 'config-drive.partial');
      await rm(tree, { recursive: true, force: true }); // of an attempt that died
      await mkdir(tree);
      try {
        for (const { path: name, content } of configDriveFiles({ instance, ports, publicKeys })) {
          await mkdir(dirname(join(tree, name)), { recursive: true });
          await writeFile(join(tree, name), content);
        }
        await run('genisoimage', ['-quiet', '-o', partial, '-V', 'cidata', '-J', '-r', tree]);
      } finally {
        await rm(tree, { recursive: true, force: true });
      }
    });
    const { size: sizeBytes } = await stat(path);
    return { name: 'disk.config', target: 'vdz', kind: 'raw', format: 'iso', sizeBytes, backing: null };
  }
}

/** Makes a file under another name, syncs it and renames it, so that a file of this name is always whole. One that is there is kept: it may be in use. */
async function madeAside(path: string, make: (partial: string) => Promise<void>): Promise<void> {
  if (await isThere(path)) return;
  const partial = `${path}.partial`;
  await rm(partial, { force: true });
  await make(partial);
  await renameDurably(partial, path);
}
