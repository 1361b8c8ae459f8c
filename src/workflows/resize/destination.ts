import { ApplicationFailure } from '@temporalio/workflow';
import type { AcceptedResize } from '../../activities/accept/resize.ts';
import type { Plan } from '../../activities/resize/destination.ts';
import type { InstanceChanges, StorageRelation } from '../../model/instance.ts';
import type { DiskMove } from '../../model/resize/moves.ts';
import type { Frame } from '../operate.ts';
import { isAway, messageOf, typeOf } from '../outcome.ts';
import type { Turned } from '../placement.ts';
import { probeSharedStorage } from '../shared-storage.ts';
import { touchedBy } from './ends.ts';

/** Where an instance goes, and how its disks get there. */
export interface Destination {
  readonly host: string;
  readonly storage: StorageRelation;
  readonly moves: readonly DiskMove[];
}

/** How often hosts are chosen anew when others took what was free. */
const maxRounds = 3;

/**
 * Claims what the instance is to have on a host that takes it, and has all that its disks need there; nothing of the instance is touched.
 * What it holds where it is stays, as its migration's. A host that refuses is followed by its alternates. Raises `NoValidHost`, for a
 * host that was asked for `MigrationPreCheckError`.
 */
export async function claimDestination(frame: Frame<InstanceChanges>, accepted: AcceptedResize, claimId: string): Promise<Destination> {
  const { control, undo, enter } = frame;
  const { instance, host: source, wanted, onlyOn } = accepted;
  const { id: instanceId } = instance;
  undo('give the claim back to the instance', () => control.takeClaimBack({ host: source, instanceId, claimId }));
  await control.keepClaimForMigration({ host: source, instanceId, claimId });

  const turned: Turned[] = [...accepted.turned];
  for (let round = 0; round < maxRounds; round += 1) {
    const { winner, alternates } = await control.selectDestination({ wanted, turned, onlyOn });
    for (const host of [winner, ...alternates]) {
      const release = () => control.releaseClaim({ host, instanceId, claimId: instanceId });
      undo(`release the claim on ${host}`, release);
      await enter({}, touchedBy(instance, [source, host]));
      const { refusal } = await control.claimResources({ host, id: instanceId, instanceId, resources: wanted });
      if (refusal !== null) turned.push({ host, filter: 'claim', reason: refusal });
      else {
        const arrival = await arrivalAt(frame, accepted, host);
        if (arrival.refusal === null) return { host, ...arrival };
        await release();
        turned.push({ host, filter: 'destination', reason: `${host}: ${arrival.refusal}` });
      }
      const why = turned.at(-1)?.reason ?? '';
      if (onlyOn !== null) throw ApplicationFailure.nonRetryable(`${onlyOn} cannot take the instance: ${why}`, 'MigrationPreCheckError');
    }
  }
  throw ApplicationFailure.nonRetryable(`no host took the instance: ${turned.at(-1)?.reason}`, 'NoValidHost', { hosts: turned });
}

/** How the disks would get to a host, once it has the images that they stand on; or why it does not take them. One that is silent takes nothing. */
async function arrivalAt(
  frame: Frame<InstanceChanges>,
  { instance, host: source, flavor, image, asksForStorage }: AcceptedResize,
  host: string,
): Promise<Pick<Plan, 'refusal' | 'moves'> & { readonly storage: StorageRelation }> {
  const { longOnHost, unlessAway } = frame;
  let storage: StorageRelation = source === host ? 'sameHost' : 'shared';
  try {
    const isSeparate =
      asksForStorage === true && !(await probeSharedStorage(frame, { instanceId: instance.id, source, destination: host }));
    if (isSeparate) storage = 'separate';
    let plan = await unlessAway(host).planArrival({ instance, flavor, image, storage });
    for (let tries = 0; plan.missing.length > 0 && tries < maxRounds; tries += 1) {
      await longOnHost(host).fetchBases({ images: plan.missing });
      plan = await unlessAway(host).planArrival({ instance, flavor, image, storage });
    }
    return { ...plan, storage };
  } catch (failure) {
    if (!isAway(failure) && typeOf(failure) !== 'MigrationPreCheckError') throw failure;
    return { refusal: messageOf(failure), moves: [], storage };
  }
}
