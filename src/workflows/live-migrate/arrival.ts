import type { AcceptedLiveMigration } from '../../activities/accept/live-migrate.ts';
import type { LivePlan } from '../../activities/live-migration/arrival.ts';
import type { MovableGuest } from '../../activities/live-migration/source.ts';
import type { MigrationTarget } from '../../activities/live-migration/start.ts';
import type { Disk, InstanceChanges } from '../../model/instance.ts';
import { type Arrival, devicesFor, onDevices } from '../../model/live-migration/arrivals.ts';
import { together } from '../../model/together.ts';
import { type ArrivalAt, type Declined, orDeclined } from '../destination.ts';
import { devicesOf } from '../given-devices.ts';
import type { Frame } from '../operate.ts';
import { type Probing, probing, probingBetween, type Relation } from '../shared-storage.ts';

/** How a running guest gets to its destination. */
export interface LiveArrival {
  readonly storage: 'shared' | 'separate';
  readonly arrivals: readonly Arrival[];
  readonly guest: MovableGuest;
  readonly target: MigrationTarget;
  /** Leaves no probe file at the destination. */
  readonly tidy: Relation['tidy'];
}

/** How a running guest is asked for where it may go. */
interface LiveArriving {
  readonly probing: Probing;
  readonly arrivalAt: ArrivalAt<LiveArrival>;
}

/** How often a host is asked again after it fetched what it had not. */
const maxFetches = 3;

/**
 * All that is asked of both hosts before anything is touched (Nova's `check_can_live_migrate_destination` and `_source`): storage, hardware,
 * disks, room, processor, and whether the source's libvirtd reaches the destination's. Raises `MigrationPreCheckError` for a guest that
 * goes nowhere.
 */
export function liveArriving(frame: Frame<InstanceChanges>, accepted: AcceptedLiveMigration, migrationId: string): LiveArriving {
  const { onHost, unlessAway } = frame;
  const { instance, host: source, asked: wanted } = accepted;
  const { id: instanceId, disks } = instance;
  const probing = probingFor(frame, accepted);
  const look = (storage: LiveArrival['storage']) =>
    onHost(source).checkGuestMoves({ instanceId, wanted, diskBytes: copiedBytes(disks, storage) });
  let early: Early | null = null;

  const asked = async (host: string, storage: LiveArrival['storage'], { proven, tidy }: Relation): Promise<Asked | Declined> => {
    const suits = (guest: MovableGuest, target: MigrationTarget) => suitsIt(frame, { instanceId, source, host }, guest, target);
    const target = early?.target ?? null;
    const looked = early !== null && storage === 'separate' ? Promise.resolve(early.guest) : look(storage);
    const [guest, plan, contradicted, declined] = await together([
      looked,
      orDeclined(() => plannedAt(frame, accepted, { host, migrationId, storage })),
      orDeclined(() => proven().then(() => null)),
      target === null ? undefined : looked.then((found) => suits(found, target)),
    ]);
    if (contradicted !== null) return contradicted;
    if (plan.refusal !== null) return plan;
    if (declined !== undefined) return declined ?? { refusal: null, storage, guest, plan, tidy };
    // A run of before 0.2 asked this when it knew all else.
    const [late] = await together([suits(guest, plan.target), tidy()]);
    return late ?? { refusal: null, storage, guest, plan, tidy: async () => {} };
  };

  const arrivalAt: ArrivalAt<LiveArrival> = async (host) => {
    const related = await orDeclined(() => probing.relation(host));
    if ('refusal' in related) return related;
    const answer = await asked(host, related.storage === 'shared' ? 'shared' : 'separate', related);
    if (answer.refusal !== null) return answer;
    const { plan, ...arrival } = answer;
    const given = await devicesOf(frame, { instanceId, migrationId, storage: arrival.storage, host }, devicesFor(plan.arrivals));
    if (given.refusal !== null) return given;
    return { ...arrival, arrivals: onDevices(plan.arrivals, given.devices), target: plan.target };
  };
  if (accepted.looksEarly !== true) return { probing, arrivalAt };

  const begin = async () => {
    const [, guest] = await together([probing.begin(), look('separate')]);
    early = { guest, target: null };
  };
  const ask = async (host: string) => {
    const [, target] = await together([probing.ask(host), unlessAway(host).targetOfMigration({})]);
    if (early !== null) early = { ...early, target };
  };
  return { probing: { ...probing, begin, ask }, arrivalAt };
}

/** What is known before the storage of both hosts is compared. */
interface Early {
  readonly guest: MovableGuest;
  /** Of the host that was asked last. */
  readonly target: MigrationTarget | null;
}

/** What both hosts said, none of which refuses. */
interface Asked extends Pick<LiveArrival, 'storage' | 'guest' | 'tidy'> {
  readonly refusal: null;
  readonly plan: LivePlan & { readonly refusal: null };
}

/** Whether a host can run the guest, and the source's libvirtd reaches its. */
async function suitsIt(
  { onHost, unlessAway }: Frame<InstanceChanges>,
  { instanceId, source, host }: { readonly instanceId: string; readonly source: string; readonly host: string },
  guest: MovableGuest,
  target: MigrationTarget,
): Promise<Declined | null> {
  const [{ refusal }, reached] = await together([
    orDeclined(() => unlessAway(host).checkTakesGuest({ guest })),
    orDeclined(() => onHost(source).reachDestination({ instanceId, target, policy: guest.policy })),
  ]);
  return refusal !== null ? { refusal } : (reached ?? null);
}

/** Sizes of the disks that are copied. */
function copiedBytes(disks: readonly Disk[], storage: LiveArrival['storage']): readonly number[] {
  return disks.filter(({ device }) => storage === 'separate' || device !== undefined).map(({ sizeBytes }) => sizeBytes);
}

/** How hosts are asked for their storage. */
function probingFor(frame: Frame<InstanceChanges>, { instance, host, asksAtOnce }: AcceptedLiveMigration): Probing {
  const at = { instanceId: instance.id, source: host };
  return asksAtOnce === true ? probing(frame, at) : probingBetween(frame, at, { asks: true, removesFirst: false });
}

type Planned = Declined | (LivePlan & { readonly refusal: null });

/** What a host says once it has the images that it can have. */
async function plannedAt(
  { onHost, longOnHost, unlessAway }: Frame<InstanceChanges>,
  { instance, image, host: source, blockMigration, diskOverCommit }: AcceptedLiveMigration,
  { host, migrationId, storage }: { readonly host: string; readonly migrationId: string; readonly storage: LiveArrival['storage'] },
): Promise<Planned> {
  const { id: instanceId, disks } = instance;
  const measured = diskOverCommit && storage === 'separate' ? await onHost(source).measureDisks({ instanceId, disks }) : null;
  const allocatedBytes = measured?.allocatedBytes ?? null;
  const ask = () => unlessAway(host).planLiveArrival({ instance, image, migrationId, storage, blockMigration, allocatedBytes });
  let plan = await ask();
  for (let tries = 0; plan.missing.length > 0 && tries < maxFetches; tries += 1) {
    await longOnHost(host).fetchBases({ images: plan.missing });
    plan = await ask();
  }
  if (plan.refusal === null) return plan;
  const { refusal, type } = plan;
  return type === 'DestinationDiskExists' ? { refusal, type } : { refusal };
}
