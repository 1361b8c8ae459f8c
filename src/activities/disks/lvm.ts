import { carriesSomething } from '../../model/device-claim.ts';
import type { Disk } from '../../model/instance.ts';
import { syncContent } from '../rename-durably.ts';
import type { BlankBackend, Patience, PlacedDisk, RootBackend, Site } from './backend.ts';
import { roundedUp, type VolumeGroup } from './lvm/volume-group.ts';
import { writeImage } from './write-image.ts';
import { zero } from './zero.ts';

/** Root disks that are logical volumes, `<instance>_<disk>`. Writing the image takes long. */
export function lvmRoot(group: VolumeGroup): RootBackend {
  return {
    place: (site, wanted) => placed(group, site, wanted),
    make: (site, disk, base, patience) => made(group, site, disk, patience, 'long', (path) => writeImage(base, path)),
  };
}

/** Empty disks that are logical volumes. */
export function lvmBlank(group: VolumeGroup): BlankBackend {
  return {
    place: (site, wanted) => placed(group, site, wanted),
    make: (site, disk, fill, patience) => made(group, site, disk, patience, 'quick', fill),
  };
}

/** The guest sees all of its volume, which is whole extents. */
async function placed(
  group: VolumeGroup,
  { instanceId }: Site,
  { name, sizeBytes }: { readonly name: string; readonly sizeBytes: number },
): Promise<PlacedDisk> {
  const device = group.pathOf(instanceId, name);
  return { name, kind: 'lvm', format: 'raw', sizeBytes: roundedUp(sizeBytes, await group.space()), device, backing: null };
}

/** Writes what the disk begins with, once: a volume that is ready may have a guest. */
async function made(
  group: VolumeGroup,
  { instanceId }: Site,
  { name, sizeBytes }: Disk,
  patience: Patience,
  takes: Patience,
  write: (path: string) => Promise<void>,
): Promise<boolean> {
  const found = (await group.volumesOf(instanceId)).find(({ disk }) => disk === name);
  if (found?.state === 'ready') return true;
  const isDirty = found !== undefined && carriesSomething(found.state);
  if (patience === 'quick' && (isDirty || takes === 'long')) return false;
  const path = group.pathOf(instanceId, name);
  if (isDirty) await zero(path, found.sizeBytes, `wipe ${path}`);
  if (found === undefined) await group.create(instanceId, name, sizeBytes, 'writing');
  else await group.note(found, 'writing');
  await write(path);
  await syncContent(path);
  await group.note({ instanceId, disk: name }, 'ready');
  return true;
}
