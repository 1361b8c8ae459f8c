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
      const parts = partsOf(wanted);
      // Nothing is taken of one kind where another has none.
      const refusal = parts.length > 1 ? await whyNot(instanceId, wanted) : null;
      if (refusal !== null) throw fail('DiskSpaceLow', refusal);
      const taken: TakenDevice[] = [];
      for (const { kind, those } of parts) taken.push(...(await ofKind(kind, those[0].disk).take(instanceId, those)));
      return taken;
    },
    clear: async (instanceId) => {
      for (const kind of kinds) await byKind[kind]?.clear(instanceId);
    },
    begin: async (instanceId, disk) => ofKind(deviceKindOf(disk), disk.name).begin(instanceId, disk),
    finish: async (instanceId, disk) => ofKind(deviceKindOf(disk), disk.name).finish(instanceId, disk),
  };

  async function whyNot(instanceId: string, wanted: readonly WantedDevice[]): Promise<string | null> {
    for (const { kind, those } of partsOf(wanted)) {
      const arrivals = byKind[kind];
      const refusal = arrivals === null ? noGroupFor(those[0].disk) : await arrivals.whyNot(instanceId, those);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  function ofKind(kind: DeviceKind, disk: string): DeviceArrivals {
    const arrivals = byKind[kind];
    if (arrivals === null) throw fail('DestinationDiskExists', noGroupFor(disk));
    return arrivals;
  }

  /** The kinds that are wanted, with their disks. */
  function partsOf(wanted: readonly WantedDevice[]) {
    return kinds.flatMap((kind) => {
      const [first, ...others] = wanted.filter((one) => (one.kind ?? 'isolate') === kind);
      return first === undefined ? [] : [{ kind, those: [first, ...others] as const }];
    });
  }

  function noGroupFor(disk: string): string {
    return `${host} has no volume group for ${disk}: lvm.volumeGroup is not set`;
  }
}
