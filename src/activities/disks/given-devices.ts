import { ApplicationFailure } from '@temporalio/activity';
import type { Libvirt } from '../../libvirt/index.ts';
import type { GivenDevice, WantedDevice } from '../../model/device-claim.ts';
import type { Token } from '../../model/tenure.ts';
import { fail } from '../fail.ts';
import { guestOf } from '../guest.ts';
import type { WhileHolding } from '../holding.ts';
import type { DiskBackends } from './backends.ts';

/** What a host answers that was asked for devices. */
export interface Given {
  /** Why it gives none, or null. */
  readonly refusal: string | null;
  readonly devices: readonly GivenDevice[];
  /** Those that carry something, which goes before anything is written to them. */
  readonly toClear: readonly string[];
}

export interface GivenDeviceActivities {
  /** Gives disks that come to this host devices, each its own; all of them or none. Repeatable. */
  giveDevices(input: { token: Token; instanceId: string; wanted: readonly WantedDevice[] }): Promise<Given>;
  /**
   * Takes back what disks were given that do not come after all; what was written to is `toWipe`. Raises `DomainStateConflict` when the
   * instance has a domain here. Repeatable.
   */
  takeDevicesBack(input: { token: Token; instanceId: string }): Promise<{ readonly toWipe: readonly string[] }>;
}

export interface GivenDeviceLongActivities {
  /** Wipes what the instance's devices here carried before it was given them. Progress in bytes. Raises `DeviceDiffers`. Repeatable. */
  clearDevices(input: { token: Token; instanceId: string }): Promise<void>;
}

/** The whole devices and logical volumes of a host, given to disks of instances that move here. */
export function givenDeviceActivities(
  libvirt: Libvirt,
  whileHolding: WhileHolding,
  { arrivals, devices }: Pick<DiskBackends, 'arrivals' | 'devices'>,
): GivenDeviceActivities & GivenDeviceLongActivities {
  return {
    giveDevices: ({ token, instanceId, wanted }) =>
      whileHolding(instanceId, token, async () => {
        try {
          const taken = await arrivals.take(instanceId, wanted);
          const given = taken.map(({ path, disk, sizeBytes }) => ({ path, disk, sizeBytes }));
          return { refusal: null, devices: given, toClear: taken.flatMap(({ path, isToClear }) => (isToClear ? [path] : [])) };
        } catch (error) {
          if (!(error instanceof ApplicationFailure)) throw error;
          return { refusal: error.message, devices: [], toClear: [] };
        }
      }),
    takeDevicesBack: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async () => {
        if ((await guestOf(libvirt, instanceId).state()) !== null)
          throw fail('DomainStateConflict', `instance ${instanceId} has a domain here: its devices are not taken from it`);
        return { toWipe: await devices.release(instanceId) };
      }),
    clearDevices: ({ token, instanceId }) => whileHolding(instanceId, token, () => arrivals.clear(instanceId)),
  };
}
