import { type FileSystem, fileSystemFor } from './file-systems.ts';
import type { Flavor } from './flavor.ts';
import type { LocalDisks } from './local-disks.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

/** What a disk holds when it is new. */
export type Content =
  | { readonly of: 'image' }
  | { readonly of: 'fileSystem'; readonly type: FileSystem; readonly label: string }
  | { readonly of: 'swap' };

/** A disk that an instance is to have, before anything decided how it is kept. */
export interface WantedDisk {
  readonly name: string;
  readonly sizeBytes: number;
  readonly content: Content;
}

/** What the disks of an instance follow from. */
export interface DiskWishes {
  readonly flavor: Flavor;
  readonly imageVirtualSizeBytes: number;
  readonly osType: string | undefined;
  readonly localDisks: LocalDisks;
  /** Null: by the image's operating system. */
  readonly defaultFileSystem: FileSystem | null;
}

/** The disks of an instance in the order of their devices: root, ephemeral disks, swap. A root of 0 GiB is as large as its image. */
export function wantedDisks({ flavor, imageVirtualSizeBytes, osType, localDisks, defaultFileSystem }: DiskWishes): readonly WantedDisk[] {
  const root = {
    name: 'disk',
    sizeBytes: flavor.rootGiB === 0 ? imageVirtualSizeBytes : flavor.rootGiB * GiB,
    content: { of: 'image' },
  } as const;
  const ephemerals = localDisks.ephemerals.map(({ name, sizeGiB, fileSystem }, index) => ({
    name,
    sizeBytes: sizeGiB * GiB,
    content: { of: 'fileSystem', type: fileSystem ?? defaultFileSystem ?? fileSystemFor(osType), label: `ephemeral${index}` } as const,
  }));
  const swap =
    localDisks.swapMiB === 0 ? [] : [{ name: 'disk.swap', sizeBytes: localDisks.swapMiB * MiB, content: { of: 'swap' } as const }];
  return [root, ...ephemerals, ...swap];
}
