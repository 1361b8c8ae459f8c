import { stat } from 'node:fs/promises';
import { log } from '@temporalio/activity';
import type { Config } from '../config.ts';
import { type ConfiguredPort, configDriveLabelOf } from '../model/config-drive.ts';
import { placeOf, withTargets } from '../model/hardware/disk-places.ts';
import type { Hardware } from '../model/hardware/hardware.ts';
import type { Disk, DiskKind, Instance } from '../model/instance.ts';
import type { LocalDisks } from '../model/local-disks.ts';
import type { Secrets } from '../model/secrets.ts';
import type { Token } from '../model/tenure.ts';
import { together } from '../model/together.ts';
import { type Content, type WantedDisk, wantedDisks } from '../model/wanted-disks.ts';
import type { BootImages, ImageRef } from './accept/images.ts';
import type { Vif } from './addresses.ts';
import type { Base, BaseCache } from './base-cache.ts';
import type { Patience, PlacedDisk, RootBase, Site } from './disks/backend.ts';
import { type DiskBackends, kindOfNew } from './disks/backends.ts';
import { makeBootFiles } from './disks/boot-file.ts';
import { type ConfigDriveKind, makeConfigDrive } from './disks/config-drive.ts';
import { readDiskInfo, writeDiskInfo } from './disks/disk-info.ts';
import { format } from './disks/format.ts';
import { noticingFullDisk } from './disks/space.ts';
import { hardwareFor } from './domain-spec.ts';
import type { WhileHolding } from './holding.ts';
import { inspectFile } from './inspect.ts';
import { fail } from './record-client.ts';

/** What decides the disks of an instance. */
export interface DiskInput {
  readonly token: Token;
  readonly instance: Instance;
  readonly image: BootImages;
  readonly vifs: readonly Vif[];
  readonly publicKeys: readonly string[];
  readonly hasConfigDrive: boolean;
  /** Absent in runs of before 0.2, which have none. */
  readonly localDisks?: LocalDisks;
  /** Encrypted in the history when there are any. */
  readonly secrets?: Secrets | undefined;
}

export interface MadeDisks {
  readonly disks: readonly Disk[];
  /** Images that are not on the host yet: nothing was made. */
  readonly missing: readonly ImageRef[];
  /** Whether some take longer than a quick step may, and are still to be made. */
  readonly takesLong: boolean;
  /** What an operator should know of disks that a guest can live with. */
  readonly warnings: readonly string[];
}

export interface DiskActivities {
  /**
   * Makes what the guest boots from and its other disks: root disk, kernel, ramdisk, ephemeral disks, swap, config drive. What is
   * there already is kept. Raises `DiskSpaceLow`, `ImageUnacceptable`, `ImageUnusableHere`, `FormatUnusableHere`.
   */
  createDisks(input: DiskInput): Promise<MadeDisks>;
  /** Those of the images that are not on the host. Changes nothing. Raises `ImageUnusableHere`. */
  findMissingBases(input: { token: Token; images: readonly ImageRef[] }): Promise<{ readonly missing: readonly ImageRef[] }>;
}

export interface DiskLongActivities {
  /** Makes what `createDisks` left because it takes long, and the rest. Raises and leaves the same. Repeatable. */
  writeDisks(input: DiskInput): Promise<MadeDisks>;
  /** Wipes what `removeInstance` left to be wiped, and frees it for others. Progress in bytes. Raises `DeviceDiffers`. Repeatable. */
  wipeDisks(input: { token: Token; instanceId: string }): Promise<void>;
  /** Brings images to the host, each once. Progress in bytes. Raises `ImageUnacceptable`, `ImageUnusableHere`, `DiskSpaceLow`. Repeatable. */
  fetchBases(input: { token: Token | null; images: readonly ImageRef[] }): Promise<void>;
}

type DiskConfig = Pick<Config, 'growFileSystem' | 'imagesType' | 'defaultEphemeralFormat' | 'configDriveFormat'>;

export function diskActivities(
  whileHolding: WhileHolding,
  bases: BaseCache,
  backends: DiskBackends,
  { imagesType, growFileSystem, defaultEphemeralFormat, configDriveFormat }: DiskConfig,
): DiskActivities & DiskLongActivities {
  return {
    fetchBases: async ({ images }) => {
      for (const image of images) await bases.fetch(image);
    },
    wipeDisks: ({ token, instanceId }) => whileHolding(instanceId, token, () => backends.devices.wipe(instanceId)),
    createDisks: (input) => whenBasesAreHere(input, 'quick'),
    findMissingBases: async ({ images }) => {
      const found = await Promise.all(images.map(bases.baseOf));
      return { missing: images.filter((_image, index) => found[index] === null) };
    },
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
          return { disks: [], missing: images.filter((_image, index) => found[index] === null), takesLong: false, warnings: [] };
        }
        return noticingFullDisk(directory, () => makeDisks(directory, input, base, patience));
      }),
    );
  }

  async function makeDisks(directory: string, input: DiskInput, base: Base, patience: Patience): Promise<MadeDisks> {
    const { instance, image, vifs, publicKeys, hasConfigDrive, secrets = {} } = input;
    const warnings: string[] = [];
    const warn = (message: string) => {
      log.warn(message, { instance: instance.id });
      warnings.push(message);
    };
    const site: Site = { instanceId: instance.id, directory, growFileSystem, warn };
    await requireFit(instance, base);
    const drive = { instance, ports: vifs.map(configured), publicKeys, secrets };
    const wanted = disksWantedBy(input);
    const hardware = hardwareFor(instance, image);
    const rootBase: RootBase = { ...base, imageId: image.root.id, sizeBytes: image.root.virtualSizeBytes };
    const disks = (await readDiskInfo(directory)) ?? (await placed(site, wanted, rootBase, hardware));
    const makeDisk = ({ name, content }: WantedDisk) => make(site, diskNamed(name, disks), content, rootBase, patience);
    const [made, config] = await together([
      together(wanted.map(makeDisk)),
      hasConfigDrive ? makeConfigDrive(directory, drive, driveKindFor(image, hardware)) : null,
      makeBootFiles(directory, image, bases),
    ]);
    const all = config === null ? disks : [...disks, config];
    return { disks: withTargets(all, hardware), missing: [], takesLong: made.includes(false), warnings };
  }

  function disksWantedBy({ instance: { flavor }, image: { root, properties }, localDisks = noDisks }: DiskInput): readonly WantedDisk[] {
    return wantedDisks({
      flavor,
      imageVirtualSizeBytes: root.virtualSizeBytes,
      osType: properties['os_type'],
      localDisks,
      defaultFileSystem: defaultEphemeralFormat,
    });
  }

  /** A CD-ROM has sectors that no kernel reads vfat from. A label that there is not was refused when the build was accepted. */
  function driveKindFor({ properties }: BootImages, hardware: Hardware): ConfigDriveKind {
    const isDisc = placeOf('disk.config', hardware).device === 'cdrom';
    return { format: isDisc ? 'iso9660' : configDriveFormat, label: configDriveLabelOf(properties) ?? 'config-2' };
  }

  /** By the backend that it was begun with, which need not be the one that would be chosen now. */
  function make(site: Site, disk: Disk, content: Content, base: RootBase, patience: Patience): Promise<boolean> {
    return content.of === 'image'
      ? having(disk.kind, backends.root).make(site, disk, base, patience)
      : having(disk.kind, backends.blank).make(site, disk, (path) => format(path, content), patience);
  }

  async function placed(site: Site, wanted: readonly WantedDisk[], base: RootBase, hardware: Hardware): Promise<readonly Disk[]> {
    const places: PlacedDisk[] = [];
    for (const one of wanted) {
      const kind = kindOfNew(one.content, imagesType);
      places.push(
        await (one.content.of === 'image'
          ? having(kind, backends.root).place(site, one, base)
          : having(kind, backends.blank).place(site, one)),
      );
    }
    const disks = withTargets(places, hardware);
    await writeDiskInfo(site.directory, disks);
    return disks;
  }
}

const GiB = 1024 ** 3;
const noDisks: LocalDisks = { ephemerals: [], swapMiB: 0 };

/** By the file itself, since the record that the request was accepted by may be old. */
async function requireFit({ flavor }: Instance, { path, format: baseFormat }: Base): Promise<void> {
  const virtualSizeBytes = baseFormat === 'qcow2' ? await inspectFile(path, baseFormat) : (await stat(path)).size;
  if (flavor.rootGiB === 0 || virtualSizeBytes <= flavor.rootGiB * GiB) return;
  const wants = (virtualSizeBytes / GiB).toFixed(2);
  throw fail('FlavorDiskTooSmall', `flavor ${flavor.name} has a root disk of ${flavor.rootGiB} GiB, the image wants ${wants} GiB`);
}

function having<Backend>(kind: DiskKind, backends: Readonly<Partial<Record<DiskKind, Backend>>>): Backend {
  const backend = backends[kind];
  if (backend === undefined) throw new TypeError(`this host keeps no disks of kind ${kind}: its configuration changed`);
  return backend;
}

function diskNamed(name: string, disks: readonly Disk[]): Disk {
  const disk = disks.find((one) => one.name === name);
  if (disk === undefined) throw new Error(`disk.info knows no ${name}: another operation wrote it`);
  return disk;
}

function configured({ port, mtu, dns }: Vif): ConfiguredPort {
  return { ...port, mtu, dns };
}
