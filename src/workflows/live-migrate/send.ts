import { ApplicationFailure } from '@temporalio/workflow';
import type { MigrateInput } from '../../activities/live-migration/migrate.ts';
import type { MigrationEnd } from '../../activities/live-migration/note.ts';
import type { InstanceChanges } from '../../model/instance.ts';
import { type SourceEnd, type Whose, whoseAfter } from '../../model/live-migration/sight.ts';
import type { Frame } from '../operate.ts';
import { isAway, messageOf, typeOf } from '../outcome.ts';

/** A guest that is sent, and between which hosts. */
export interface Sending extends Omit<MigrateInput, 'token'> {
  readonly source: string;
  readonly destination: string;
}

/**
 * Sends a running guest to a destination that is ready for it, and returns once it is proven to be there; from then on nothing is undone.
 * Unless libvirt said so, both hosts are asked who has the guest before anything else is done: past its switch a cancel changes
 * nothing. A post-copy that broke off is taken up again, by an operator where that fails, since neither side is whole. Raises
 * `OperationFailed` with the source's reason when the guest stayed, or ended.
 */
export async function sendGuest(frame: Frame<InstanceChanges>, sending: Sending): Promise<void> {
  const { source, destination, ...passage } = sending;
  for (;;) {
    const seen = await followed(() => frame.longOnHost(source).migrateGuest(passage));
    const whose = await frame.insist(() => whoHasIt(frame, sending, seen));
    if (whose === 'destination' || whose === 'unknown') frame.commit();
    if (whose === 'destination') return;
    if (whose === 'unknown') continue; // from now on the step itself waits for an operator
    if (seen.failure !== null && seen.end === null) throw seen.failure;
    const why = seen.reason ?? (whose === 'nobody' ? 'it ended on both hosts' : 'nobody said why');
    throw ApplicationFailure.nonRetryable(`the guest did not go to ${destination}: ${why}`, 'OperationFailed', {
      ...{ step: 'migrateGuest', host: source },
    });
  }
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
