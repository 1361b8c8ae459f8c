import type { Disk } from './instance.ts';

/** How a whole block device is recognised: its path may lead to another one after a restart. */
export interface DeviceIdentity {
  readonly sizeBytes: number;
  /** What the drive says of itself; null for one that says nothing. */
  readonly serial: string | null;
  /** The file behind a loop device. */
  readonly backingFile: string | null;
}

/**
 * How far a device is that an instance has.
 * - `claimed`: nothing was written to it for the instance; `dirty` when it held something before, which goes first.
 * - `writing`: the first content is on its way.
 * - `ready`: whole; the guest may have written to it since.
 * - `left`: the instance is gone from it, and nobody gets it before it was wiped.
 */
export type ClaimState = 'claimed' | 'dirty' | 'writing' | 'ready' | 'left';

/** Whether a device of that state has on it what has to go before it is anybody's disk. */
export function carriesSomething(state: ClaimState): boolean {
  return state === 'dirty' || state === 'left';
}

/** A device of this host that a disk of an instance has to itself. */
export interface DeviceClaim {
  readonly path: string;
  readonly instanceId: string;
  /** Name of the disk: `disk`. */
  readonly disk: string;
  readonly identity: DeviceIdentity;
  readonly state: ClaimState;
}

/** What differs between a device as it was claimed and as it is found, as a sentence; null: it is the same. */
export function differenceOf(claimed: DeviceIdentity, found: DeviceIdentity | null): string | null {
  if (found === null) return 'it is not there';
  if (found.serial !== claimed.serial) return `its serial is ${found.serial}, not ${claimed.serial}`;
  if (found.backingFile !== claimed.backingFile) return `its file is ${found.backingFile}, not ${claimed.backingFile}`;
  return found.sizeBytes === claimed.sizeBytes ? null : `it has ${found.sizeBytes} bytes, not ${claimed.sizeBytes}`;
}

/** What a disk can be that is no file: a whole block device or a logical volume. */
export type DeviceKind = 'isolate' | 'lvm';

/** Which of them a disk is, or will be, that has a device. */
export function deviceKindOf({ kind }: Pick<Disk, 'kind'>): DeviceKind {
  return kind === 'lvm' ? 'lvm' : 'isolate';
}

/** A device that a disk asks for. */
export interface WantedDevice {
  readonly disk: string;
  /** Absent in runs of before volumes moved: a whole device. */
  readonly kind?: DeviceKind;
  readonly sizeBytes: number;
  /** Whether it has to have exactly this size: QEMU mirrors a running guest's disk into no other. */
  readonly isExact: boolean;
}

/** A device that a disk was given. */
export interface GivenDevice extends Pick<DeviceClaim, 'path' | 'disk'> {
  readonly sizeBytes: number;
}
