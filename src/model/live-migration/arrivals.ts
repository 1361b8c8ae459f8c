import { deviceKindOf, type GivenDevice, type WantedDevice } from '../device-claim.ts';
import type { Disk, StorageRelation } from '../instance.ts';
import type { DiskPassage } from './flags.ts';

/**
 * How a disk of a guest that moves while it runs gets to its destination.
 * - `seen`: both hosts see the same file; nothing is copied.
 * - `mirrored`: QEMU copies what differs from its base into an overlay that stands on the same base there, or all of a disk without one.
 * - `mirrored whole`: QEMU copies all of it into a disk that stands on nothing: the destination does not have the same base.
 * - `mirrored to a device`: QEMU copies all of it into a whole device or a logical volume that the destination gives it.
 * - `sent`: a cdrom, which QEMU never mirrors: its file is sent and compared before the guest is.
 */
export type ArrivalPath = 'seen' | 'mirrored' | 'mirrored whole' | 'mirrored to a device' | 'sent';

/** A disk of a guest that moves, and what it is where it arrives. */
export interface Arrival {
  readonly how: ArrivalPath;
  /** Of exactly the size that it has: QEMU mirrors into nothing else. */
  readonly to: Disk;
}

/** Whether disks are to be copied (Nova's `block_migration`): `auto` copies where the hosts share no storage. */
export const blockMigrations = ['auto', 'yes', 'no'] as const;
export type BlockMigration = (typeof blockMigrations)[number];

/** What decides how the disks of a running guest move. */
export interface ArrivalWish {
  readonly disks: readonly Disk[];
  readonly storage: Exclude<StorageRelation, 'sameHost'>;
  /** Images whose base the destination has, byte for byte. */
  readonly sameBases: readonly string[];
  readonly blockMigration: BlockMigration;
}

/** The disks in the order of their devices, or why they cannot move so, in words that follow "the instance". */
export type Arrivals =
  | { readonly refusal: string; readonly arrivals: readonly [] }
  | { readonly refusal: null; readonly arrivals: readonly Arrival[] };

/**
 * How the disks of a guest move while it runs.
 *
 * | storage | blockMigration | disks |
 * |---|---|---|
 * | shared | auto | seen; a device or volume mirrored to one of the destination |
 * | shared | no | seen; with a device or volume: refused |
 * | shared | yes | refused: QEMU would copy a file onto itself |
 * | separate | auto, yes | a cdrom sent, a device or volume mirrored to one, on a base that is not there mirrored whole, else mirrored |
 * | separate | no | refused |
 */
export function arrivalsOf({ disks, storage, sameBases, blockMigration }: ArrivalWish): Arrivals {
  const isCopied = storage === 'separate' || disks.some(({ device }) => device !== undefined);
  if (storage === 'shared' && blockMigration === 'yes')
    return refused('has its disks on storage that both hosts share: nothing is to be copied');
  if (isCopied && blockMigration === 'no') return refused('has disks that the destination does not see: they are to be copied');
  return { refusal: null, arrivals: disks.map((disk) => arrivalOf(disk, storage, sameBases)) };
}

function arrivalOf(disk: Disk, storage: ArrivalWish['storage'], sameBases: readonly string[]): Arrival {
  if (disk.device !== undefined) return { how: 'mirrored to a device', to: disk };
  if (storage === 'shared') return { how: 'seen', to: disk };
  if (disk.format === 'iso') return { how: 'sent', to: disk };
  const { backing } = disk;
  if (backing === null || sameBases.includes(backing.imageId)) return { how: 'mirrored', to: disk };
  return { how: 'mirrored whole', to: { ...disk, backing: null } };
}

function refused(refusal: string): Arrivals {
  return { refusal, arrivals: [] };
}

/** How libvirt is told of it: which disks QEMU copies, which of them stand on nothing at the destination, and how they are copied. */
export function passageOf(arrivals: readonly Arrival[]): DiskPassage & {
  readonly disks: readonly string[];
  readonly wholeDisks: readonly string[];
  readonly devices: Readonly<Record<string, string>>;
} {
  const targets = (...hows: readonly ArrivalPath[]) => arrivals.filter(({ how }) => hows.includes(how)).map(({ to }) => to.target);
  const [disks, wholeDisks] = [targets('mirrored', 'mirrored whole', 'mirrored to a device'), targets('mirrored whole')];
  const copied = wholeDisks.length > 0 ? 'whole' : disks.length > 0 ? 'overlays' : 'none';
  const devices = Object.fromEntries(arrivals.flatMap(({ to: { target, device } }) => (device === undefined ? [] : [[target, device]])));
  return { disks, wholeDisks, devices, copied, isShared: arrivals.some(({ how }) => how === 'seen') };
}

/** The devices that the destination is to give to disks, of exactly their sizes. */
export function devicesFor(arrivals: readonly Arrival[]): readonly WantedDevice[] {
  return arrivals.flatMap(({ how, to }) =>
    how === 'mirrored to a device' ? [{ disk: to.name, kind: deviceKindOf(to), sizeBytes: to.sizeBytes, isExact: true }] : [],
  );
}

/** The arrivals with those that it gave. */
export function onDevices(arrivals: readonly Arrival[], given: readonly GivenDevice[]): readonly Arrival[] {
  return arrivals.map((arrival) => {
    const device = given.find(({ disk }) => disk === arrival.to.name);
    return device === undefined ? arrival : { ...arrival, to: { ...arrival.to, device: device.path } };
  });
}
