import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arrival } from '../../model/live-migration/arrivals.ts';
import type { BaseCache } from '../base-cache.ts';
import { madeAside } from '../disks/made-aside.ts';
import { createDisk, createOverlay } from '../qemu-img.ts';

/** Where disks are made that QEMU is to mirror into. */
export interface VesselSite {
  readonly directory: string;
  readonly bases: Pick<BaseCache, 'pathOf'>;
}

/**
 * Makes what QEMU mirrors the disks of a running guest into: empty disks of exactly their size, overlays on the base that is here. QEMU
 * refuses any other size. One that is there is kept: it may be mirrored into by now. Repeatable.
 */
export async function makeVessels({ directory, bases }: VesselSite, arrivals: readonly Arrival[]): Promise<void> {
  for (const { how, to } of arrivals) {
    if (how === 'mirrored' || how === 'mirrored whole') {
      await madeAside(join(directory, to.name), (partial) => makeVessel(bases, to, partial));
    }
  }
}

async function makeVessel(bases: VesselSite['bases'], { format, sizeBytes, backing }: Arrival['to'], path: string): Promise<void> {
  if (format !== 'qcow2') return makeSparse(path, sizeBytes);
  if (backing === null) return createDisk({ path, format, sizeBytes });
  const { imageId, format: baseFormat = 'raw' } = backing;
  return createOverlay({ base: bases.pathOf(imageId), baseFormat, path, sizeBytes });
}

async function makeSparse(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}
