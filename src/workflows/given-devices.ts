import type { GivenDevice, WantedDevice } from '../model/device-claim.ts';
import type { InstanceChanges, StorageRelation } from '../model/instance.ts';
import type { Declined } from './destination.ts';
import type { Frame } from './operate.ts';
import { isAway, messageOf } from './outcome.ts';

/** An instance that comes to a host, and the migration by which it does. */
export interface Coming {
  readonly instanceId: string;
  readonly migrationId: string;
  readonly storage: StorageRelation;
  readonly host: string;
}

/**
 * Has a host give disks that come to it whole devices, and wipe what those carried, before anything of the instance is touched; or why it
 * gives none. They are wiped and given back when they are not needed after all, which takes as long as it takes: the guest runs meanwhile.
 */
export async function devicesOf(
  frame: Frame<InstanceChanges>,
  coming: Coming,
  wanted: readonly WantedDevice[],
): Promise<{ readonly refusal: null; readonly devices: readonly GivenDevice[] } | Declined> {
  if (wanted.length === 0) return { refusal: null, devices: [] };
  const { undo, unlessAway, longOnHost } = frame;
  const { instanceId, host } = coming;
  const giveBack = () => devicesBack(frame, coming);
  undo(`give the devices of ${host} back`, giveBack);
  try {
    const { refusal, devices, toClear } = await unlessAway(host).giveDevices({ instanceId, wanted });
    if (refusal !== null) return { refusal };
    if (toClear.length > 0) await longOnHost(host).clearDevices({ instanceId });
    return { refusal, devices };
  } catch (failure) {
    if (!isAway(failure)) throw failure;
    await giveBack();
    return { refusal: messageOf(failure) };
  }
}

/** A host that is away gives them back when it is there again: that is owed. */
async function devicesBack(
  { control, unlessAway, longOnHost }: Frame<InstanceChanges>,
  { instanceId, migrationId: id, storage, host }: Coming,
): Promise<void> {
  try {
    const { toWipe } = await unlessAway(host).takeDevicesBack({ instanceId });
    if (toWipe.length > 0) await longOnHost(host).wipeDisks({ instanceId });
  } catch (away) {
    if (!isAway(away)) throw away;
    await control.oweRemoval({ host, instanceId, ...(storage === 'separate' ? {} : { migration: { id, storage } }) });
  }
}
