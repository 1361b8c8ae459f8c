import type { Disk } from '../../model/instance.ts';
import type { WantedDisk } from '../../model/wanted-disks.ts';
import type { Base } from '../base-cache.ts';

/** Whose disks are made, and where. */
export interface Site {
  readonly instanceId: string;
  /** The instance's directory. */
  readonly directory: string;
}

/** `quick`: only what takes seconds. */
export type Patience = 'quick' | 'long';

/** One way to keep root disks (Nova's `imagebackend`). All of it is repeatable and done while the instance is held. */
export interface RootBackend {
  /** Decides what the disk will be and takes what it needs of the host; the same disk again is the same. */
  readonly place: (site: Site, wanted: WantedDisk, base: Base & { readonly imageId: string }) => Promise<Disk>;
  /** Makes a placed disk from the image, as large as it was placed; one that is there is kept. False: it takes longer than the patience, and was not begun. */
  readonly make: (site: Site, disk: Disk, base: Base, patience: Patience) => Promise<boolean>;
}
