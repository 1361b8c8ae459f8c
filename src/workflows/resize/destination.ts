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
import { type Probing, probing, probingBetween, type Relation } from '../shared-storage.ts';
import { prepareToSend } from '../transfer.ts';

/** How the disks of an instance get to its destination. */
export interface Arrival {
  readonly storage: StorageRelation;
  readonly moves: readonly DiskMove[];
  /** What is sent beside the disks. Absent in runs of before 0.2. */
  readonly small?: readonly string[];
  /** By what the source is known there; null: it sends nothing, or has not been asked yet, as in runs of before 0.2. */
  readonly key: FileKey | null;
  /** Leaves no probe file at the destination. */
  readonly tidy: Relation['tidy'];
  /** Whether disks were given devices there. */
  readonly areDevicesGiven: boolean;
}

/** How often a host is asked again after it fetched what it had not. */
const maxFetches = 3;

/** How the disks would get to a host, once it has the images that they stand on; or why it does not take them, with no key left at the source. */
export function arrivalOf(frame: Frame<InstanceChanges>, accepted: AcceptedResize, { relation }: Probing): ArrivalAt<Arrival> {
  const { instance, host: source, preparesEarly } = accepted;
  const { id: instanceId } = instance;
  const { firstExecutionRunId: migrationId } = workflowInfo();

  return async (host) => {
    const way = { instanceId, source, destination: host };
    const related = await orDeclined(() => relation(host));
    if ('refusal' in related) return related;
    const { storage, proven, tidy } = related;
    const sendsEarly = storage === 'separate' && preparesEarly === true;
    const arrival = await orDeclined(async () => {
      const planned = plannedAt(frame, accepted, host, storage);
      const [plan, key] = await together([planned, sendsEarly ? prepareToSend(frame, way) : null, proven()]);
      if (plan.refusal !== null) return { refusal: plan.refusal };
      const wanted = storage === 'sameHost' ? [] : (plan.devices ?? []);
      const given = await devicesOf(frame, { instanceId, migrationId, storage, host }, wanted);
      if (given.refusal !== null) return given;
      const moves = onDevices(plan.moves, given.devices);
      return { ...plan, refusal: null, moves, areDevicesGiven: wanted.length > 0, storage, key, tidy };
    });
    // The next host may see the source's files.
    if (arrival.refusal !== null && sendsEarly) await frame.onHost(source).stopSending({ instanceId });
    return arrival;
  };
}

/** How hosts are asked for their storage. */
export function probingFor(frame: Frame<InstanceChanges>, { instance, host, asksForStorage, asksAtOnce }: AcceptedResize): Probing {
  const at = { instanceId: instance.id, source: host };
  return asksAtOnce === true ? probing(frame, at) : probingBetween(frame, at, { asks: asksForStorage === true, removesFirst: true });
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
