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

/** What decides the disks of an instance. */
export interface WantedDisks {
  readonly instance: Instance;
  readonly image: BootImages;
  readonly vifs: readonly Vif[];
  readonly publicKeys: readonly string[];
  readonly hasConfigDrive: boolean;
}

export interface DiskActivities {
  /**
   * Makes what the guest boots from: root overlay, kernel, ramdisk, config drive. What is there already is kept. Images that are not on
   * the host yet are `missing`, and nothing is made. Raises `DiskSpaceLow`, `ImageUnacceptable`.
   */
  createDisks(input: { token: Token } & WantedDisks): Promise<{ readonly disks: readonly Disk[]; readonly missing: readonly ImageRef[] }>;
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

    createDisks: (input) =>
      whileHolding(input.instance.id, input.token, (directory) =>
        bases.keeping(async () => {
          const { root, kernel, ramdisk } = input.image;
          const missing = await missingBases([root, kernel, ramdisk].filter((one) => one !== null));
          return { disks: missing.length > 0 ? [] : await makeDisks(directory, input), missing };
        }),
      ),
  };

  async function makeDisks(
    directory: string,
    { instance, image, vifs, publicKeys, hasConfigDrive }: WantedDisks,
  ): Promise<readonly Disk[]> {
    const [root, config] = await Promise.all([
      rootDisk(directory, instance, image.root),
      hasConfigDrive ? configDrive(directory, instance, vifs, publicKeys) : null,
      image.kernel === null ? null : bootFile(directory, 'kernel', image.kernel),
      image.ramdisk === null ? null : bootFile(directory, 'ramdisk', image.ramdisk),
    ]);
    return config === null ? [root] : [root, config];
  }

  async function missingBases(images: readonly ImageRef[]): Promise<readonly ImageRef[]> {
    const found = await Promise.all(images.map(bases.baseOf));
    return images.filter((_image, index) => found[index] === null);
  }

  async function rootDisk(directory: string, { flavor }: Instance, image: ImageRef): Promise<Disk> {
    const path = join(directory, 'disk');
    const { id, virtualSizeBytes } = image;
    const sizeBytes = flavor.rootGiB === 0 ? virtualSizeBytes : flavor.rootGiB * 1024 ** 3;
    const base = await bases.baseOf(image);
    if (base === null) throw new Error(`the base of image ${id} vanished while it was kept`);
    const { format, checksum } = base;
    await madeAside(path, async (partial) => {
      await run('qemu-img', createOverlayArgs({ base: base.path, baseFormat: format, path: partial, sizeBytes }));
    });
    return { name: 'disk', target: 'vda', kind: 'qcow2', format: 'qcow2', sizeBytes, backing: { imageId: id, checksum, format } };
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
