import type { InstanceChanges, StorageRelation } from '../../model/instance.ts';
import type { Frame } from '../operate.ts';
import { isAway } from '../outcome.ts';

/** What a migration that is undone may have at its destination. */
export interface Arrived {
  readonly instanceId: string;
  readonly migrationId: string;
  readonly storage: StorageRelation;
  readonly host: string;
  /** Whether the guest was to be started there: then the host is waited for, since two must never run. */
  readonly mayRun: boolean;
  /** Whether its devices are given back, and wiped, by another undo: its guest need not wait for that. */
  readonly areDevicesGiven: boolean;
  /** The disks that the instance had. */
  readonly kept: readonly string[];
}

/** Removes what arrived at a destination. One that is away, and cannot run the guest, does it when it is back: it is owed. */
export async function removeWhatArrived(
  { control, longOnHost, unlessAway, whenHostReturns }: Frame<InstanceChanges>,
  { host, mayRun, areDevicesGiven, ...arrival }: Arrived,
): Promise<void> {
  const steps = mayRun || arrival.storage === 'sameHost' ? whenHostReturns(host) : unlessAway(host);
  try {
    const { toWipe } = await steps.removeArrival(arrival);
    if (toWipe.length > 0 && !areDevicesGiven) await longOnHost(host).wipeDisks(arrival);
  } catch (away) {
    if (mayRun || !isAway(away)) throw away;
    const { instanceId, migrationId: id, storage } = arrival;
    await control.oweRemoval({ host, instanceId, ...(storage === 'separate' ? {} : { migration: { id, storage } }) });
  }
}
