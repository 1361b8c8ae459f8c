import { ApplicationFailure, sleep } from '@temporalio/workflow';
import type { MigrateInput } from '../../activities/live-migration/migrate.ts';
import type { MigrationEnd } from '../../activities/live-migration/note.ts';
import type { InstanceChanges } from '../../model/instance.ts';
import { type SourceEnd, type Whose, whoseAfter } from '../../model/live-migration/sight.ts';
import type { Frame } from '../operate.ts';
import { isAway, messageOf, typeOf } from '../outcome.ts';
import type { LiveMigration } from './ends.ts';

/** A guest that is sent, and between which hosts. */
export interface Sending extends Omit<MigrateInput, 'token'> {
  readonly source: string;
  readonly destination: string;
}

/** How often a guest is sent. */
const maxTries = 5;

/**
 * Sends a guest again and again as long as a libvirtd is lost on the way, which ends what it finds under way when it is started anew: after
 * a pause, with nothing left of the try before. `send` is told by what its try is known. Raises `OperationFailed` when that goes on.
 */
export async function untilArrived(
  { unlessAway, note }: Frame<InstanceChanges>,
  { instanceId, id: migrationId, destination, source, storage }: LiveMigration,
  send: (tryId: string) => Promise<Sent>,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    if ((await send(tries === 1 ? migrationId : `${migrationId}/${tries}`)) === 'arrived') return;
    note('libvirtd was lost on the way: the guest stayed');
    if (tries === maxTries) throw stayed({ source, destination }, `libvirtd was lost on the way ${tries} times`);
    await sleep(2 ** (tries - 1) * 1000);
    await unlessAway(destination)
      .dropArrival({ instanceId, migrationId, storage, source: 'here' })
      .catch((failure: unknown) => {
        throw isAway(failure) ? stayed({ source, destination }, `libvirtd was lost on the way, and ${destination} is away`) : failure;
      });
  }
}

/** `lost`: the guest stayed where it is since a libvirtd was lost, and may be sent anew. */
type Sent = 'arrived' | 'lost';

/**
 * Sends a running guest to a destination that is ready for it, and returns once it is proven to be there; from then on nothing is undone.
 * Unless libvirt said so, both hosts are asked who has the guest before anything else is done: past its switch a cancel changes
 * nothing. A post-copy that broke off is taken up again, by an operator where that fails, since neither side is whole. Raises
 * `OperationFailed` with the source's reason when the guest stayed for another one than a lost libvirtd, or ended.
 */
export async function sendGuest(frame: Frame<InstanceChanges>, sending: Sending): Promise<Sent> {
  const { source, destination: _destination, ...passage } = sending;
  for (let breaks = 0; ; breaks += 1) {
    const seen = await followed(() => frame.longOnHost(source).migrateGuest(passage));
    const whose = await whoHasItNow(frame, sending, seen);
    if (whose === 'destination') return 'arrived';
    if (whose === 'unknown') {
      // In a run of before 0.2 the step itself waits for an operator when it broke off again.
      if (breaks === 0 || seen.failure === null) continue;
      await frame.insist(() => frame.mayBeginAnew(seen.failure));
      if ((await whoHasItNow(frame, sending, seen)) === 'destination') return 'arrived';
      continue;
    }
    if (seen.isLost === true && !frame.isCancelled()) return 'lost';
    throw whyNot(sending, seen, whose);
  }
}

async function whoHasItNow(frame: Frame<InstanceChanges>, sending: Sending, seen: Followed): Promise<Whose> {
  const whose = await frame.insist(() => whoHasIt(frame, sending, seen));
  if (whose === 'destination' || whose === 'unknown') frame.commit();
  return whose;
}

function whyNot(sending: Sending, { failure, end, reason }: Followed, whose: Whose): unknown {
  if (failure !== null && end === null) return failure;
  return stayed(sending, reason ?? (whose === 'nobody' ? 'it ended on both hosts' : 'nobody said why'));
}

function stayed({ source, destination }: Pick<Sending, 'source' | 'destination'>, why: string): ApplicationFailure {
  const at = { step: 'migrateGuest', host: source };
  return ApplicationFailure.nonRetryable(`the guest did not go to ${destination}: ${why}`, 'OperationFailed', at);
}

interface Followed extends Omit<MigrationEnd, 'end'> {
  /** Null: nobody followed it to its end. */
  readonly end: SourceEnd | 'broken' | null;
  readonly failure: unknown;
}

async function followed(follow: () => Promise<MigrationEnd>): Promise<Followed> {
  try {
    return { ...(await follow()), failure: null };
  } catch (failure) {
    const isBroken = typeOf(failure) === 'PostCopyBroken';
    return { end: isBroken ? 'broken' : null, reason: isBroken ? messageOf(failure) : null, failure };
  }
}

/**
 * Who has the guest, by both hosts; `unknown`: neither side of a post-copy is whole. `followed`: how it ended at the source. A guest that runs at
 * its destination, and for which nothing comes in any more, is there whatever its source would say, which may be lost.
 */
async function whoHasIt(
  { whenHostReturns, unlessAway }: Frame<InstanceChanges>,
  { instanceId, source, destination }: Sending,
  { end: seen, isArrived }: Followed,
): Promise<Whose> {
  if (isArrived === true) return 'destination';
  if (seen === 'here') return 'source';
  const there = await unlessAway(destination)
    .sightOfGuest({ instanceId })
    .catch((failure: unknown) => {
      if (!isAway(failure)) throw failure;
      return null;
    });
  if (there?.state === 'running' && there.job === 'none') return 'destination';
  const end = seen ?? (await whenHostReturns(source).endMigration({ instanceId })).end;
  if (end === 'here') return 'source';
  // A side that broke off waits for what the other does not send any more.
  if (end === 'broken') return there === null ? 'unknown' : whoseAfter(end, there);
  return whoseAfter(end, await whenHostReturns(destination).awaitGuest({ instanceId }));
}
