import { ApplicationFailure } from '@temporalio/activity';
import { carriesSomething, type WantedDevice } from '../../../model/device-claim.ts';
import type { Disk } from '../../../model/instance.ts';
import { fail } from '../../fail.ts';
import type { DeviceArrivals, TakenDevice } from '../device-arrivals.ts';
import { zero } from '../zero.ts';
import { roundedUp, type Space, type Volume, type VolumeGroup } from './volume-group.ts';

/** Logical volumes that are made for disks which come from another host. */
export function lvmArrivals(group: VolumeGroup): DeviceArrivals {
  return {
    whyNot: async (instanceId, wanted) => {
      try {
        await planned(instanceId, wanted);
        return null;
      } catch (error) {
        if (!(error instanceof ApplicationFailure)) throw error;
        return error.message;
      }
    },
    take: async (instanceId, wanted) => {
      const created: string[] = [];
      const plan = await planned(instanceId, wanted);
      try {
        for (const { disk, sizeBytes, found } of plan) {
          if (found !== null) continue;
          await group.create(instanceId, disk, sizeBytes, 'claimed');
          created.push(disk);
        }
      } catch (error) {
        for (const disk of created) await group.remove({ instanceId, disk });
        throw error;
      }
      return plan.map(({ disk, sizeBytes, found }): TakenDevice => {
        const path = group.pathOf(instanceId, disk);
        return { path, disk, sizeBytes: found?.sizeBytes ?? sizeBytes, isToClear: found !== null && carriesSomething(found.state) };
      });
    },
    clear: async (instanceId) => {
      for (const volume of await group.volumesOf(instanceId)) {
        if (!carriesSomething(volume.state)) continue;
        await zero(volume.path, volume.sizeBytes, `wipe ${volume.path}`);
        await group.note(volume, 'claimed');
      }
    },
    begin: async (instanceId, disk) => {
      const volume = await volumeOf(instanceId, disk);
      if (volume.state === 'ready') throw fail('DestinationDiskExists', alreadyWhole(volume));
      await group.note(volume, 'writing');
    },
    finish: async (instanceId, disk) => group.note(await volumeOf(instanceId, disk), 'ready'),
  };

  /** What each disk gets: a volume that it has here already, or a new one of this size. Raises `DiskSpaceLow`, `DestinationDiskExists`. */
  async function planned(instanceId: string, wanted: readonly WantedDevice[]) {
    const volumes = await group.volumesOf(instanceId);
    const space = await group.space();
    const plan = wanted.map((one) => {
      const found = volumes.find(({ disk }) => disk === one.disk) ?? null;
      return { disk: one.disk, sizeBytes: sizeFor(one, found, space), found };
    });
    const { freeBytes } = space;
    const neededBytes = plan.reduce((sum, { sizeBytes, found }) => sum + (found === null ? sizeBytes : 0), 0);
    if (freeBytes !== null && freeBytes < neededBytes)
      throw fail('DiskSpaceLow', `volume group ${group.name} has ${freeBytes} bytes free, ${neededBytes} are needed`);
    return plan;
  }

  function sizeFor({ disk, sizeBytes, isExact }: WantedDevice, found: Volume | null, space: Space): number {
    if (found?.state === 'ready') throw fail('DestinationDiskExists', alreadyWhole(found));
    const size = found?.sizeBytes ?? roundedUp(sizeBytes, space);
    if (isExact ? size === sizeBytes : size >= sizeBytes) return size;
    const has =
      found === null ? `volume group ${group.name} makes one of ${size} bytes` : `${found.path}, which it had before, has ${size}`;
    throw fail('DiskSpaceLow', `${disk} wants a volume of ${isExact ? 'exactly ' : ''}${sizeBytes} bytes: ${has}`);
  }

  async function volumeOf(instanceId: string, { name, device }: Disk): Promise<Volume> {
    const volume = (await group.volumesOf(instanceId)).find(({ disk, path }) => disk === name && path === device);
    if (volume === undefined || volume.state === 'left')
      throw fail('DestinationDiskExists', `${device} was not given to ${name} of instance ${instanceId}`);
    return volume;
  }
}

/** A disk that is whole is never written over: it may be the source's own, where two hosts are wrongly given one volume group. */
function alreadyWhole({ path }: Volume): string {
  return `${path} is there and whole: another operation left it, or the hosts share a volume group, which each has to have for itself`;
}
