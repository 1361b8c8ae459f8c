import { workflowInfo } from '@temporalio/workflow';
import type { AcceptedResize } from '../../activities/accept/resize.ts';
import type { Plan } from '../../activities/resize/destination.ts';
import type { FileKey } from '../../activities/transfer.ts';
import type { InstanceChanges, StorageRelation } from '../../model/instance.ts';
import { type DiskMove, onDevices } from '../../model/resize/moves.ts';
import { together } from '../../model/together.ts';
import { type ArrivalAt, orDeclined } from '../destination.ts';
import { devicesOf } from '../given-devices.ts';
import type { Frame } from '../operate.ts';
import { probeSharedStorage } from '../shared-storage.ts';
import { prepareToSend, type Way } from '../transfer.ts';

/** How the disks of an instance get to its destination. */
export interface Arrival {
  readonly storage: StorageRelation;
  readonly moves: readonly DiskMove[];
  /** What is sent beside the disks. Absent in runs of before 0.2. */
  readonly small?: readonly string[];
  /** By what the source is known there; null: it sends nothing, or has not been asked yet, as in runs of before 0.2. */
  readonly key: FileKey | null;
  /** Whether disks were given devices there. */
  readonly areDevicesGiven: boolean;
}

/** How often a host is asked again after it fetched what it had not. */
const maxFetches = 3;

/** How the disks would get to a host, once it has the images that they stand on; or why it does not take them, with no key left at the source. */
export function arrivalOf(frame: Frame<InstanceChanges>, accepted: AcceptedResize): ArrivalAt<Arrival> {
  const { instance, host: source, preparesEarly } = accepted;
  const { id: instanceId } = instance;
  const { firstExecutionRunId: migrationId } = workflowInfo();

  return async (host) => {
    const way = { instanceId, source, destination: host };
    const storage = await orDeclined(() => storageBetween(frame, accepted, way));
    if (typeof storage !== 'string') return storage;
    const sendsEarly = storage === 'separate' && preparesEarly === true;
    const arrival = await orDeclined(async () => {
      const [plan, key] = await together([plannedAt(frame, accepted, host, storage), sendsEarly ? prepareToSend(frame, way) : null]);
      if (plan.refusal !== null) return { refusal: plan.refusal };
      const wanted = storage === 'sameHost' ? [] : (plan.devices ?? []);
      const given = await devicesOf(frame, { instanceId, migrationId, storage, host }, wanted);
      if (given.refusal !== null) return given;
      return { ...plan, refusal: null, moves: onDevices(plan.moves, given.devices), areDevicesGiven: wanted.length > 0, storage, key };
    });
    // The next host may see the source's files.
    if (arrival.refusal !== null && sendsEarly) await frame.onHost(source).stopSending({ instanceId });
    return arrival;
  };
}

async function storageBetween(frame: Frame<InstanceChanges>, { asksForStorage }: AcceptedResize, way: Way): Promise<StorageRelation> {
  if (way.source === way.destination) return 'sameHost';
  return asksForStorage !== true || (await probeSharedStorage(frame, way)) ? 'shared' : 'separate';
}

/** What a host says once it has the images that it can have. */
async function plannedAt(
  { longOnHost, unlessAway }: Frame<InstanceChanges>,
  { instance, flavor, image }: AcceptedResize,
  host: string,
  storage: StorageRelation,
): Promise<Plan> {
  const ask = () => unlessAway(host).planArrival({ instance, flavor, image, storage });
  let plan = await ask();
  for (let tries = 0; plan.missing.length > 0 && tries < maxFetches; tries += 1) {
    await longOnHost(host).fetchBases({ images: plan.missing });
    plan = await ask();
  }
  return plan;
}
