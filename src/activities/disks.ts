import { join } from 'node:path';
import type { Config } from '../config.ts';
import { withTargets } from '../model/hardware/disk-places.ts';
import type { Disk, Instance } from '../model/instance.ts';
import type { Token } from '../model/tenure.ts';
import { wantedRoot } from '../model/wanted-disks.ts';
import type { BootImages, ImageRef } from './accept/images.ts';
import type { Vif } from './addresses.ts';
import type { Base, BaseCache } from './base-cache.ts';
import type { Patience, RootBackend, Site } from './disks/backend.ts';
import { makeBootFile } from './disks/boot-file.ts';
import { makeConfigDrive } from './disks/config-drive.ts';
import { readDiskInfo, writeDiskInfo } from './disks/disk-info.ts';
import { qcow2Root } from './disks/qcow2.ts';
import { rawRoot } from './disks/raw.ts';
import { hardwareFor } from './domain-spec.ts';
import type { WhileHolding } from './holding.ts';

/** What decides the disks of an instance. */
export interface DiskInput {
  readonly token: Token;
  readonly instance: Instance;
  readonly image: BootImages;
  readonly vifs: readonly Vif[];
  readonly publicKeys: readonly string[];
  readonly hasConfigDrive: boolean;
}

export interface MadeDisks {
  readonly disks: readonly Disk[];
  /** Images that are not on the host yet: nothing was made. */
  readonly missing: readonly ImageRef[];
  /** Whether some take longer than a quick step may, and are still to be made. */
  readonly takesLong: boolean;
}

export interface DiskActivities {
  /**
   * Makes what the guest boots from: root disk, kernel, ramdisk, config drive. What is there already is kept. Raises `DiskSpaceLow`,
   * `ImageUnacceptable`.
   */
  createDisks(input: DiskInput): Promise<MadeDisks>;
}

export interface DiskLongActivities {
  /** Makes what `createDisks` left because it takes long, and the rest. Raises and leaves the same. Repeatable. */
  writeDisks(input: DiskInput): Promise<MadeDisks>;
  /** Brings images to the host, each once. Progress in bytes. Raises `ImageUnacceptable`, `DiskSpaceLow`. Repeatable. */
  fetchBases(input: { token: Token | null; images: readonly ImageRef[] }): Promise<void>;
}

const rootBackends = { qcow2: qcow2Root, raw: rawRoot } as const satisfies Record<Config['imagesType'], RootBackend>;

export function diskActivities(
  whileHolding: WhileHolding,
  bases: BaseCache,
  { imagesType }: Pick<Config, 'imagesType'>,
): DiskActivities & DiskLongActivities {
  return {
    fetchBases: async ({ images }) => {
      for (const image of images) await bases.fetch(image);
    },
    createDisks: (input) => whenBasesAreHere(input, 'quick'),
    writeDisks: (input) => whenBasesAreHere(input, 'long'),
  };

  function whenBasesAreHere(input: DiskInput, patience: Patience): Promise<MadeDisks> {
    return whileHolding(input.instance.id, input.token, (directory) =>
      bases.keeping(async () => {
        const { root, kernel, ramdisk } = input.image;
        const images = [root, kernel, ramdisk].filter((one) => one !== null);
        const found = await Promise.all(images.map(bases.baseOf));
        const [base] = found;
        if (base === null || base === undefined || found.includes(null)) {
          return { disks: [], missing: images.filter((_image, index) => found[index] === null), takesLong: false };
        }
        return { ...(await makeDisks(directory, input, base, patience)), missing: [] };
      }),
    );
  }

  async function makeDisks(
    directory: string,
    { instance, image, vifs, publicKeys, hasConfigDrive }: DiskInput,
    base: Base,
    patience: Patience,
  ): Promise<Omit<MadeDisks, 'missing'>> {
    const site: Site = { instanceId: instance.id, directory };
    const disks = (await readDiskInfo(directory)) ?? (await placed(site, instance, image, base));
    const [roots, config] = await Promise.all([
      Promise.all(disks.map((disk) => rootBackendOf(disk).make(site, disk, base, patience))),
      hasConfigDrive ? makeConfigDrive(directory, instance, vifs, publicKeys) : null,
      makeBootFiles(directory, image),
    ]);
    const all = config === null ? disks : [...disks, config];
    return { disks: withTargets(all, hardwareFor(instance, image)), takesLong: roots.includes(false) };
  }

  async function makeBootFiles(directory: string, { kernel, ramdisk }: BootImages): Promise<void> {
    await Promise.all(
      Object.entries({ kernel, ramdisk }).map(([name, image]) => image && makeBootFile(join(directory, name), bases.pathOf(image.id))),
    );
  }

  async function placed(site: Site, instance: Instance, image: BootImages, base: Base): Promise<readonly Disk[]> {
    const { id: imageId, virtualSizeBytes } = image.root;
    const root = await rootBackends[imagesType].place(site, wantedRoot(instance.flavor, virtualSizeBytes), { ...base, imageId });
    const disks = withTargets([root], hardwareFor(instance, image));
    await writeDiskInfo(site.directory, disks);
    return disks;
  }
}

/** By what the disk was begun as, not by what would be chosen now. */
function rootBackendOf({ name, kind }: Disk): RootBackend {
  if (kind === 'qcow2' || kind === 'raw') return rootBackends[kind];
  throw new TypeError(`disk ${name} is of kind ${kind}, which this host does not make`);
}
