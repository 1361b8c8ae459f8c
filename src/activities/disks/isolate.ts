import { carriesSomething, type DeviceClaim } from '../../model/device-claim.ts';
import type { Disk } from '../../model/instance.ts';
import type { WantedDisk } from '../../model/wanted-disks.ts';
import { syncContent } from '../rename-durably.ts';
import type { BlankBackend, Patience, PlacedDisk, RootBackend, Site } from './backend.ts';
import { alone } from './isolate/block-device.ts';
import type { DevicePool } from './isolate/pool.ts';
import { writeImage } from './write-image.ts';
import { zero } from './zero.ts';

/** Root disks that are whole block devices. The guest sees all of one, however little its flavor asks for. Writing the image takes long. */
export function isolateRoot(pool: DevicePool): RootBackend {
  return {
    place: (site, wanted) => placed(pool, site, wanted),
    make: async (site, disk, base, patience) => {
      const claim = await claimOf(pool, site, disk);
      return prepared(pool, claim, patience, 'long', () => alone(claim.path, () => writeImage(base, claim.path)));
    },
  };
}

/** Empty disks that are whole block devices; one that held something before takes long. */
export function isolateBlank(pool: DevicePool): BlankBackend {
  return {
    place: (site, wanted) => placed(pool, site, wanted),
    make: async (site, disk, fill, patience) => {
      const claim = await claimOf(pool, site, disk);
      return prepared(pool, claim, patience, 'quick', () => fill(claim.path));
    },
  };
}

async function placed(pool: DevicePool, { instanceId }: Site, { name, sizeBytes }: WantedDisk): Promise<PlacedDisk> {
  const { path, identity } = await pool.take(instanceId, { disk: name, sizeBytes, isExact: false });
  return { name, kind: 'isolate', format: 'raw', sizeBytes: identity.sizeBytes, device: path, backing: null };
}

function claimOf(pool: DevicePool, { instanceId }: Site, { name, sizeBytes }: Disk): Promise<DeviceClaim> {
  return pool.take(instanceId, { disk: name, sizeBytes, isExact: false });
}

/** Writes what the disk begins with, once: a device that is ready may have a guest. */
async function prepared(
  pool: DevicePool,
  { path, state, identity }: DeviceClaim,
  patience: Patience,
  takes: Patience,
  write: () => Promise<void>,
): Promise<boolean> {
  if (state === 'ready') return true;
  const isDirty = carriesSomething(state);
  if (patience === 'quick' && (isDirty || takes === 'long')) return false;
  if (isDirty) await alone(path, () => zero(path, identity.sizeBytes, `wipe ${path}`));
  await pool.claims.note(path, 'writing');
  await write();
  await syncContent(path);
  await pool.claims.note(path, 'ready');
  return true;
}
