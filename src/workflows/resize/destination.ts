import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { AcceptedResize } from '../../activities/accept/resize.ts';
import type { Plan } from '../../activities/resize/destination.ts';
import type { FileKey } from '../../activities/transfer.ts';
import type { InstanceChanges, StorageRelation } from '../../model/instance.ts';
import type { DiskMove } from '../../model/resize/moves.ts';
import { together } from '../../model/together.ts';
import { networksOf, touchedBy } from '../../model/touched.ts';
import type { Frame } from '../operate.ts';
import { isAway, messageOf, typeOf } from '../outcome.ts';
import type { Turned } from '../placement.ts';
import { probeSharedStorage } from '../shared-storage.ts';
import { prepareToSend } from '../transfer.ts';

/** Where an instance goes, and how its disks get there. */
export interface Destination {
  readonly host: string;
  readonly storage: StorageRelation;
  readonly moves: readonly DiskMove[];
  /** What is sent beside the disks. Absent in runs of before 0.2. */
  readonly small?: readonly string[];
  /** By what the source is known there; null: it sends nothing, or has not been asked yet, as in runs of before 0.2. */
  readonly key: FileKey | null;
}

type Arrival = Pick<Plan, 'refusal'> & Omit<Destination, 'host'>;

/** How often hosts are chosen anew when others took what was free. */
const maxRounds = 3;

/**
 * Claims what the instance is to have on a host that takes it, and has all that its disks need there; nothing of the instance is touched.
 * What it holds where it is stays, as its migration's. A host that refuses is followed by its alternates. Raises `NoValidHost`, for a
 * host that was asked for `MigrationPreCheckError`.
 */
export async function claimDestination(frame: Frame<InstanceChanges>, accepted: AcceptedResize, claimId: string): Promise<Destination> {
  const { control, undo } = frame;
  const { instance, host: source, wanted, onlyOn } = accepted;
  const { id: instanceId } = instance;
  undo('give the claim back to the instance', () => control.takeClaimBack({ host: source, instanceId, claimId }));
  await control.keepClaimForMigration({ host: source, instanceId, claimId });

  const turned: Turned[] = [...accepted.turned];
  for (let round = 0; round < maxRounds; round += 1) {
    const naming = { instanceId, firstRunId: workflowInfo().firstExecutionRunId, source, networks: networksOf(instance) };
    const decision = await control.selectDestination({ wanted, turned, onlyOn, naming });
    const { winner, alternates } = decision;
    // Absent in runs of before 0.2.
    const isNamed: boolean | undefined = decision.isNamed;
    for (const host of [winner, ...alternates]) {
      const tried = await claimedAt(frame, accepted, { host, isNamed: host === winner && isNamed === true });
      if (!('reason' in tried)) return tried;
      turned.push(tried);
      const why = `${onlyOn} cannot take the instance: ${tried.reason}`;
      if (onlyOn !== null) throw ApplicationFailure.nonRetryable(why, 'MigrationPreCheckError');
    }
  }
  throw ApplicationFailure.nonRetryable(`no host took the instance: ${turned.at(-1)?.reason}`, 'NoValidHost', { hosts: turned });
}

/** Claims what the instance is to have on a host and has how its disks get there, or why not; then nothing is claimed, and no key left. */
async function claimedAt(
  frame: Frame<InstanceChanges>,
  accepted: AcceptedResize,
  { host, isNamed }: { readonly host: string; readonly isNamed: boolean },
): Promise<Destination | Turned> {
  const { control, onHost, undo, enter } = frame;
  const { instance, host: source, wanted, preparesEarly } = accepted;
  const { id: instanceId } = instance;
  const release = () => control.releaseClaim({ host, instanceId, claimId: instanceId });
  undo(`release the claim on ${host}`, release);
  if (!isNamed) await enter({}, touchedBy(instance, [source, host]));
  const { refusal } = await control.claimResources({ host, id: instanceId, instanceId, resources: wanted });
  if (refusal !== null) return { host, filter: 'claim', reason: refusal };
  const arrival = await arrivalAt(frame, accepted, host);
  if (arrival.refusal === null) return { host, ...arrival };
  await release();
  // The next one may see the source's files.
  if (arrival.storage === 'separate' && preparesEarly === true) await onHost(source).stopSending({ instanceId });
  return { host, filter: 'destination', reason: `${host}: ${arrival.refusal}` };
}

/** How the disks would get to a host, once it has the images that they stand on; or why it does not take them. One that is silent takes nothing. */
async function arrivalAt(
  frame: Frame<InstanceChanges>,
  { instance, host: source, flavor, image, asksForStorage, preparesEarly }: AcceptedResize,
  host: string,
): Promise<Arrival> {
  const { longOnHost, unlessAway } = frame;
  let storage: StorageRelation = source === host ? 'sameHost' : 'shared';
  try {
    const isSeparate =
      asksForStorage === true && !(await probeSharedStorage(frame, { instanceId: instance.id, source, destination: host }));
    if (isSeparate) storage = 'separate';
    const way = { instanceId: instance.id, source, destination: host };
    let [plan, key] = await together([
      unlessAway(host).planArrival({ instance, flavor, image, storage }),
      isSeparate && preparesEarly === true ? prepareToSend(frame, way) : null,
    ]);
    for (let tries = 0; plan.missing.length > 0 && tries < maxRounds; tries += 1) {
      await longOnHost(host).fetchBases({ images: plan.missing });
      plan = await unlessAway(host).planArrival({ instance, flavor, image, storage });
    }
    return { ...plan, storage, key };
  } catch (failure) {
    if (!isAway(failure) && typeOf(failure) !== 'MigrationPreCheckError') throw failure;
    return { refusal: messageOf(failure), moves: [], storage, key: null };
  }
}
