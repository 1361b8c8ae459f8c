import type { GivenDevice } from '../device-claim.ts';
import type { Flavor } from '../flavor.ts';
import type { Disk, Instance, StorageRelation } from '../instance.ts';
import { isEphemeral } from './problems.ts';

/**
 * How a disk gets to its destination.
 * - `copied`: its file as it is, an overlay with its differences alone; what it stands on is there.
 * - `flattened`: with what it stood on, as a disk of its own: the destination cannot have the same base.
 * - `written`: into a device that the destination gives it.
 * - `made`: anew and empty.
 * - `stays`: it is a device or volume of the one host that it is on before and after.
 */
export type DiskPath = 'copied' | 'flattened' | 'written' | 'made' | 'stays';

/** A disk of an instance that moves, and what it is to be where it arrives. */
export interface DiskMove {
  readonly how: DiskPath;
  /** As it is at the source; null: there is none. */
  readonly from: Disk | null;
  /** As it arrives; what is `made` is decided where it is made, but for its name and size. */
  readonly to: Omit<Disk, 'target'>;
  /** Whether the disk becomes larger, and with it its file system. */
  readonly grows: boolean;
}

/** What decides how disks move. */
export interface MoveWish {
  readonly instance: Pick<Instance, 'disks' | 'flavor'>;
  readonly flavor: Flavor;
  readonly storage: StorageRelation;
  /** Images whose base the destination has, byte for byte. */
  readonly sameBases: readonly string[];
  /** Whether a raw root becomes qcow2 on its way (Nova's `use_cow_images`). */
  readonly rootBecomesCow: boolean;
}

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const swapName = 'disk.swap';
const driveName = 'disk.config';

/**
 * How the disks of an instance move, in the order of their devices: root, ephemeral disks, swap, config drive. Swap is always made
 * anew, since a guest that is off needs nothing of it; only the root and the flavor's own ephemeral disk grow, as in Nova.
 */
export function diskMoves(wish: MoveWish): readonly DiskMove[] {
  const { disks, flavor: old } = wish.instance;
  const kept = disks.filter(({ name }) => name !== swapName && name !== driveName);
  const swap = disks.find(({ name }) => name === swapName) ?? null;
  const drives = disks.filter(({ name }) => name === driveName);
  const moved = (disk: Disk) => moveOf(disk, wish);
  return [...kept.map(moved), ...newEphemeral(kept, wish.flavor), ...newSwap(swap, old, wish.flavor), ...drives.map(moved)];
}

function moveOf(from: Disk, wish: MoveWish): DiskMove {
  const { target: _decidedThere, ...disk } = from;
  const how = pathOf(from, wish);
  const sizeBytes = Math.max(from.sizeBytes, sizeIn(wish.flavor, from.name));
  const grows = sizeBytes > from.sizeBytes;
  if (how === 'flattened') return { how, from, to: { ...disk, sizeBytes, backing: null }, grows };
  const becomesCow = wish.rootBecomesCow && from.name === 'disk' && from.kind === 'raw';
  return { how, from, to: { ...disk, sizeBytes, ...(becomesCow ? ({ kind: 'qcow2', format: 'qcow2' } as const) : {}) }, grows };
}

function pathOf({ backing, device }: Disk, { storage, sameBases }: MoveWish): DiskPath {
  if (device !== undefined) return storage === 'sameHost' ? 'stays' : 'written';
  const isOnSameBase = backing === null || storage !== 'separate' || sameBases.includes(backing.imageId);
  return isOnSameBase ? 'copied' : 'flattened';
}

/** What the flavor asks of a disk that grows; 0: nothing. */
function sizeIn({ rootGiB, ephemeralGiB }: Flavor, name: string): number {
  if (name === 'disk') return rootGiB * GiB;
  return name === 'disk.local' ? ephemeralGiB * GiB : 0;
}

function newEphemeral(kept: readonly Disk[], { ephemeralGiB }: Flavor): readonly DiskMove[] {
  return ephemeralGiB === 0 || kept.some(({ name }) => isEphemeral(name)) ? [] : [made('disk.local', ephemeralGiB * GiB, null)];
}

/** A swap that a request made smaller than the flavor's stays so as long as the flavor's is the same. */
function newSwap(from: Disk | null, { swapMiB: oldMiB }: Flavor, { swapMiB }: Flavor): readonly DiskMove[] {
  const sizeBytes = from !== null && swapMiB === oldMiB ? from.sizeBytes : swapMiB * MiB;
  const isWanted = sizeBytes > 0 && (from !== null || swapMiB !== oldMiB);
  return isWanted ? [made(swapName, sizeBytes, from)] : [];
}

function made(name: string, sizeBytes: number, from: Disk | null): DiskMove {
  return { how: 'made', from, to: { name, kind: 'raw', format: 'raw', sizeBytes, backing: null }, grows: false };
}

/** The moves with the devices that the destination gave to the disks that are written into one. A disk is as large as its device. */
export function onDevices(moves: readonly DiskMove[], given: readonly GivenDevice[]): readonly DiskMove[] {
  return moves.map((move) => {
    const device = given.find(({ disk }) => disk === move.to.name);
    if (move.how !== 'written' || device === undefined) return move;
    return { ...move, to: { ...move.to, device: device.path, sizeBytes: device.sizeBytes } };
  });
}

/**
 * Why disks that are devices cannot be what the flavor asks on the host that they are on before and after, or null: a device is as large as
 * it is, and a revert would have to make a larger volume small again.
 */
export function whyNotOnItsHost(moves: readonly DiskMove[], disks: readonly Disk[], storage: StorageRelation): string | null {
  if (storage !== 'sameHost') return null;
  for (const { name, device, sizeBytes } of disks) {
    const wantedBytes = moves.find(({ to }) => to.name === name)?.to.sizeBytes ?? 0;
    if (device !== undefined && wantedBytes !== sizeBytes)
      return `${name} is a device of ${sizeBytes} bytes, ${wantedBytes} are wanted: on its host it stays as large as it is`;
  }
  return null;
}
