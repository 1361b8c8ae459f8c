import type { ListedDevice } from '../../model/verify/listing.ts';

/** Disks that are no files of the instance's directory: they outlive it unless somebody lets them go. */
export interface DeviceKeeper {
  /** Raises `DeviceDiffers` when one of the instance's devices is another one by now. */
  readonly check: (instanceId: string) => Promise<void>;
  /** Takes the instance from its devices, but those of the disks `kept`. Returns those that nobody may get before they were wiped. Repeatable. */
  readonly release: (instanceId: string, kept?: readonly string[]) => Promise<readonly string[]>;
  /** Wipes what `release` returned, and frees it. Progress in bytes. Repeatable. */
  readonly wipe: (instanceId: string) => Promise<void>;
  /** All that this host has, whosever it is. */
  readonly list: () => Promise<readonly ListedDevice[]>;
}

/** Several as one. */
export function keptBy(keepers: readonly DeviceKeeper[]): DeviceKeeper {
  return {
    check: async (instanceId) => {
      for (const keeper of keepers) await keeper.check(instanceId);
    },
    release: async (instanceId, kept) => {
      const left: string[] = [];
      for (const keeper of keepers) left.push(...(await keeper.release(instanceId, kept)));
      return left;
    },
    wipe: async (instanceId) => {
      for (const keeper of keepers) await keeper.wipe(instanceId);
    },
    list: async () => (await Promise.all(keepers.map((keeper) => keeper.list()))).flat(),
  };
}
