import type { Config } from '../../config.ts';
import type { Disk } from '../../model/instance.ts';
import type { WantedDisk } from '../../model/wanted-disks.ts';
import type { Base } from '../base-cache.ts';

/** Whose disks are made, and where. */
export interface Site {
  readonly instanceId: string;
  /** The instance's directory. */
  readonly directory: string;
  /** Whether a file system that ends before its disk is grown. */
  readonly growFileSystem: Config['growFileSystem'];
  /** Tells an operator what a guest can live with. */
  readonly warn: (message: string) => void;
}

/** What a root disk begins as: an image as it lies on this host. */
export interface RootBase extends Base {
  readonly imageId: string;
  /** Of the disk in it. */
  readonly sizeBytes: number;
}

/** A disk as it is decided to be; which device of the guest it becomes is decided for all of them. */
export type PlacedDisk = Omit<Disk, 'target'>;

/** `quick`: only what takes seconds. */
export type Patience = 'quick' | 'long';

/** Formats the file or block device at `path`. */
export type Fill = (path: string) => Promise<void>;

/** One way to keep root disks (Nova's `imagebackend`). All of it is repeatable and done while the instance is held. */
export interface RootBackend {
  /** Decides what the disk will be and takes what it needs of the host; the same disk again is the same. */
  readonly place: (site: Site, wanted: WantedDisk, base: RootBase) => Promise<PlacedDisk>;
  /** Makes a placed disk from the image, as large as it was placed; one that is there is kept. False: it takes longer than the patience, and was not begun. */
  readonly make: (site: Site, disk: Disk, base: RootBase, patience: Patience) => Promise<boolean>;
}

/** One way to keep disks that begin empty. They are whole on each host: bases of two hosts would differ, and a disk that moved onto another would be wrong. */
export interface BlankBackend {
  /** As for root disks. */
  readonly place: (site: Site, wanted: WantedDisk) => Promise<PlacedDisk>;
  /** As for root disks, filled by `fill`. */
  readonly make: (site: Site, disk: Disk, fill: Fill, patience: Patience) => Promise<boolean>;
}
