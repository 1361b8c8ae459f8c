import { carriesSomething, type DeviceClaim, type WantedDevice } from '../../../model/device-claim.ts';
import type { Disk } from '../../../model/instance.ts';
import { fail } from '../../fail.ts';
import { zero } from '../zero.ts';
import { alone } from './block-device.ts';
import type { DevicePool } from './pool.ts';

/** The whole devices of a host, as what disks arrive on that come from another one. All of it is repeatable and done while the instance is held. */
export interface DeviceArrivals {
  /** Why these disks cannot have a device each, or null. Changes nothing. */
  readonly whyNot: (instanceId: string, wanted: readonly WantedDevice[]) => Promise<string | null>;
  /** Gives each of them a device of its own, or none of them one. Raises `DiskSpaceLow`, `DeviceDiffers`. */
  readonly take: (instanceId: string, wanted: readonly WantedDevice[]) => Promise<readonly DeviceClaim[]>;
  /** Wipes what the instance's devices carried before. Progress in bytes. */
  readonly clear: (instanceId: string) => Promise<void>;
  /**
   * Notes that the disk is written to its device from now on, so that nobody gets it unwiped. Raises `DeviceDiffers`, `DestinationDiskExists`
   * when the device is not this disk's, or has it whole already.
   */
  readonly begin: (instanceId: string, disk: Disk) => Promise<void>;
  /** Notes that the disk is whole. Raises `DeviceDiffers`. */
  readonly finish: (instanceId: string, disk: Disk) => Promise<void>;
}

/** Those of the pool. */
export function deviceArrivals({ claims, take, whyNot, look }: DevicePool): DeviceArrivals {
  return {
    whyNot,
    take: async (instanceId, wanted) => {
      const before = new Set((await ofInstance(instanceId)).map(({ path }) => path));
      const taken: DeviceClaim[] = [];
      try {
        for (const one of wanted) taken.push(await take(instanceId, one));
      } catch (error) {
        for (const { path } of taken) if (!before.has(path)) await claims.note(path, 'free');
        throw error;
      }
      return taken;
    },
    clear: async (instanceId) => {
      for (const claim of await ofInstance(instanceId)) {
        if (!carriesSomething(claim.state)) continue;
        const { path, identity } = await look(claim);
        await alone(path, () => zero(path, identity.sizeBytes, `wipe ${path}`));
        await claims.note(path, 'claimed');
      }
    },
    begin: async (instanceId, disk) => {
      const { path, state } = await claimOf(instanceId, disk);
      if (state === 'ready') throw fail('DestinationDiskExists', `${path} has ${disk.name} already: another operation left it`);
      await claims.note(path, 'writing');
    },
    finish: async (instanceId, disk) => claims.note((await claimOf(instanceId, disk)).path, 'ready'),
  };

  async function ofInstance(instanceId: string): Promise<readonly DeviceClaim[]> {
    return (await claims.read()).filter((claim) => claim.instanceId === instanceId);
  }

  async function claimOf(instanceId: string, { name, device }: Disk): Promise<DeviceClaim> {
    const claim = (await ofInstance(instanceId)).find(({ disk, path }) => disk === name && path === device);
    if (claim === undefined) throw fail('DestinationDiskExists', `${device} was not given to ${name} of instance ${instanceId}`);
    return look(claim);
  }
}
