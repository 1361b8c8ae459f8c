import type { Flavor } from './flavor.ts';

/** A disk that an instance is to have, before anything decided how it is kept. */
export interface WantedDisk {
  readonly name: string;
  readonly target: string;
  readonly sizeBytes: number;
}

/** The root disk: as large as the flavor says, or as the image where it says 0. */
export function wantedRoot({ rootGiB }: Flavor, imageVirtualSizeBytes: number): WantedDisk {
  return { name: 'disk', target: 'vda', sizeBytes: rootGiB === 0 ? imageVirtualSizeBytes : rootGiB * 1024 ** 3 };
}
