import type { AcceptedLiveMigration } from '../../activities/accept/live-migrate.ts';
import type { LivePlan } from '../../activities/live-migration/arrival.ts';
import type { MovableGuest } from '../../activities/live-migration/source.ts';
import type { MigrationTarget } from '../../activities/live-migration/start.ts';
import type { InstanceChanges } from '../../model/instance.ts';
import { type Arrival, devicesFor, onDevices } from '../../model/live-migration/arrivals.ts';
import { together } from '../../model/together.ts';
import { type ArrivalAt, type Declined, orDeclined } from '../destination.ts';
import { devicesOf } from '../given-devices.ts';
import type { Frame } from '../operate.ts';
import { type Probing, probing, probingBetween } from '../shared-storage.ts';

/** How a running guest gets to its destination. */
export interface LiveArrival {
  readonly storage: 'shared' | 'separate';
  readonly arrivals: readonly Arrival[];
  readonly guest: MovableGuest;
  readonly target: MigrationTarget;
}

/** How often a host is asked again after it fetched what it had not. */
const maxFetches = 3;

/**
 * All that is asked of both hosts before anything is touched (Nova's `check_can_live_migrate_destination` and `_source`): storage, hardware,
 * disks, room, processor, and whether the source's libvirtd reaches the destination's. Raises `MigrationPreCheckError` for a guest that
 * goes nowhere.
 */
export function liveArrivalOf(
  frame: Frame<InstanceChanges>,
  accepted: AcceptedLiveMigration,
  migrationId: string,
  { relation }: Probing,
): ArrivalAt<LiveArrival> {
  const { onHost, unlessAway } = frame;
  const { instance, host: source, asked } = accepted;
  const { id: instanceId, disks } = instance;

  return async (host) => {
    const related = await orDeclined(() => relation(host));
    if ('refusal' in related) return related;
    const { proven, tidy } = related;
    const storage = related.storage === 'shared' ? 'shared' : 'separate';
    const diskBytes = disks.filter(({ device }) => storage === 'separate' || device !== undefined).map(({ sizeBytes }) => sizeBytes);
    const [guest, plan, contradicted] = await together([
      onHost(source).checkGuestMoves({ instanceId, wanted: asked, diskBytes }),
      orDeclined(() => plannedAt(frame, accepted, { host, migrationId, storage })),
      orDeclined(() => proven().then(() => null)),
    ]);
    if (contradicted !== null) return contradicted;
    if (plan.refusal !== null) return plan;
    const { arrivals, target } = plan;
    const [taken, reached] = await together([
      orDeclined(() => unlessAway(host).checkTakesGuest({ guest })),
      orDeclined(() => onHost(source).reachDestination({ instanceId, target, policy: guest.policy })),
      tidy(),
    ]);
    if (taken.refusal !== null) return { refusal: taken.refusal };
    if (reached !== undefined) return reached;
    const given = await devicesOf(frame, { instanceId, migrationId, storage, host }, devicesFor(arrivals));
    if (given.refusal !== null) return given;
    return { refusal: null, storage, arrivals: onDevices(arrivals, given.devices), guest, target };
  };
}

/** How hosts are asked for their storage. */
export function probingFor(frame: Frame<InstanceChanges>, { instance, host, asksAtOnce }: AcceptedLiveMigration): Probing {
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
