import { type DeviceKind, deviceKindOf, type GivenDevice, type WantedDevice } from '../../model/device-claim.ts';
import type { Disk } from '../../model/instance.ts';
import { fail } from '../fail.ts';

/** What a disk was given, to be written to. */
export interface TakenDevice extends GivenDevice {
  /** Whether it carries something that goes first. */
  readonly isToClear: boolean;
}

/** What disks that come from another host arrive on where they are no files. All of it is repeatable and done while the instance is held. */
export interface DeviceArrivals {
  /** Why these disks cannot have a device each, or null. Changes nothing. */
  readonly whyNot: (instanceId: string, wanted: readonly WantedDevice[]) => Promise<string | null>;
  /** Gives each of them a device of its own, or none of them one. Raises `DiskSpaceLow`, `DeviceDiffers`, `DestinationDiskExists`. */
  readonly take: (instanceId: string, wanted: readonly WantedDevice[]) => Promise<readonly TakenDevice[]>;
  /** Wipes what the instance's devices carried before. Progress in bytes. */
  readonly clear: (instanceId: string) => Promise<void>;
  /**
   * Notes that the disk is written to its device from now on, so that nobody gets it unwiped. Raises `DeviceDiffers`, `DestinationDiskExists`
   * when the device is not this disk's, or has it whole already.
   */
  readonly begin: (instanceId: string, disk: Disk) => Promise<void>;
  /** Notes that the disk is whole. Raises `DeviceDiffers`, `DestinationDiskExists`. */
  readonly finish: (instanceId: string, disk: Disk) => Promise<void>;
}

/** Those of each kind as one. A host may have no volume group; one without whole devices says so itself. */
export function arrivalsOn(
  host: string,
  byKind: { readonly isolate: DeviceArrivals; readonly lvm: DeviceArrivals | null },
): DeviceArrivals {
  const kinds = Object.keys(byKind) as DeviceKind[];

  return {
    whyNot,
    take: async (instanceId, wanted) => {
      // Nothing is taken of one kind where another has none.
      const refusal = await whyNot(instanceId, wanted);
      if (refusal !== null) throw fail('DiskSpaceLow', refusal);
      const taken: TakenDevice[] = [];
      for (const kind of kinds) taken.push(...((await byKind[kind]?.take(instanceId, ofKind(wanted, kind))) ?? []));
      return taken;
    },
    clear: async (instanceId) => {
      for (const kind of kinds) await byKind[kind]?.clear(instanceId);
    },
    begin: async (instanceId, disk) => ofDisk(disk).begin(instanceId, disk),
    finish: async (instanceId, disk) => ofDisk(disk).finish(instanceId, disk),
  };

  async function whyNot(instanceId: string, wanted: readonly WantedDevice[]): Promise<string | null> {
    for (const kind of kinds) {
      const [first, ...others] = ofKind(wanted, kind);
      if (first === undefined) continue;
      const arrivals = byKind[kind];
      const refusal = arrivals === null ? noGroupFor(first.disk) : await arrivals.whyNot(instanceId, [first, ...others]);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  function ofDisk(disk: Disk): DeviceArrivals {
    const arrivals = byKind[deviceKindOf(disk)];
    if (arrivals === null) throw fail('DestinationDiskExists', noGroupFor(disk.name));
    return arrivals;
  }

  function noGroupFor(disk: string): string {
    return `${host} has no volume group for ${disk}: lvm.volumeGroup is not set`;
  }
}

function ofKind(wanted: readonly WantedDevice[], kind: DeviceKind): readonly WantedDevice[] {
  return wanted.filter((one) => (one.kind ?? 'isolate') === kind);
}
