import type { DeviceKeeper } from '../device-keeper.ts';
import { zero } from '../zero.ts';
import type { VolumeGroup } from './volume-group.ts';

/** The logical volumes of a host, as what instances leave behind. */
export function lvmKeeper(group: VolumeGroup): DeviceKeeper {
  return {
    check: async () => {}, // a volume is found by its name
    release: async (instanceId, kept = []) => {
      const left: string[] = [];
      for (const volume of await group.volumesOf(instanceId)) {
        if (kept.includes(volume.disk)) continue;
        // A new thin volume reads as zeros, and to one that is only claimed nothing was written.
        if (volume.isThin || volume.state === 'claimed') await group.remove(volume);
        else {
          if (volume.state !== 'left') await group.note(volume, 'left');
          left.push(volume.path);
        }
      }
      return left;
    },
    wipe: async (instanceId) => {
      for (const volume of await group.volumesOf(instanceId)) {
        if (volume.state !== 'left') continue;
        await zero(volume.path, volume.sizeBytes, `wipe ${volume.path}`);
        await group.remove(volume);
      }
    },
    list: async () => (await group.volumes()).map(({ path, instanceId, disk }) => ({ path, instanceId, disk, difference: null })),
  };
}
