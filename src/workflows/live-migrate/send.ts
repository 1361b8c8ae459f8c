import { ApplicationFailure } from '@temporalio/workflow';
import type { MigrateInput } from '../../activities/live-migration/migrate.ts';
import type { MigrationEnd } from '../../activities/live-migration/note.ts';
import type { InstanceChanges } from '../../model/instance.ts';
import { type SourceEnd, type Whose, whoseAfter } from '../../model/live-migration/sight.ts';
import type { Frame } from '../operate.ts';
import { isAway, typeOf } from '../outcome.ts';

/** A guest that is sent, and between which hosts. */
export interface Sending extends Omit<MigrateInput, 'token'> {
  readonly source: string;
  readonly destination: string;
}

/**
 * Sends a running guest to a destination that is ready for it, and returns once it is proven to be there; from then on nothing is undone.
 * Whatever became of the step, both hosts are asked who has the guest before anything else is done: past its switch a cancel changes
 * nothing. A post-copy that broke off is taken up again, by an operator where that fails, since neither side is whole. Raises
 * `OperationFailed` with the source's reason when the guest stayed, or ended.
 */
export async function sendGuest(frame: Frame<InstanceChanges>, sending: Sending): Promise<void> {
  const { source, destination, ...passage } = sending;
  for (;;) {
    const { end, failure } = await followed(() => frame.longOnHost(source).migrateGuest(passage));
    const whose = end?.end === 'broken' ? 'broken' : await frame.insist(() => whoHasIt(frame, sending, end?.end ?? null));
    if (whose === 'destination' || whose === 'broken') frame.commit();
    if (whose === 'destination') return;
    if (whose === 'broken') continue;
    if (failure !== null) throw failure;
    const why = end?.reason ?? (whose === 'nobody' ? 'it ended on both hosts' : 'nobody said why');
    throw ApplicationFailure.nonRetryable(`the guest did not go to ${destination}: ${why}`, 'OperationFailed', {
      ...{ step: 'migrateGuest', host: source },
    });
  }
}

type Followed = { readonly end: (MigrationEnd | { readonly end: 'broken'; readonly reason: null }) | null; readonly failure: unknown };

async function followed(follow: () => Promise<MigrationEnd>): Promise<Followed> {
  try {
    return { end: await follow(), failure: null };
  } catch (failure) {
    return { end: typeOf(failure) === 'PostCopyBroken' ? { end: 'broken', reason: null } : null, failure };
  }
}

/**
 * Who has the guest, by both hosts. `seen`: how it ended at the source, or null where nobody followed it to its end. A guest that runs at its
 * destination, and for which nothing comes in any more, is there whatever its source would say, which may be lost.
 */
async function whoHasIt(
  { whenHostReturns, unlessAway }: Frame<InstanceChanges>,
  { instanceId, source, destination }: Sending,
  seen: SourceEnd | null,
): Promise<Exclude<Whose, 'unknown'> | 'broken'> {
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
  if (end === 'broken') return 'broken';
  const whose = whoseAfter(end, await whenHostReturns(destination).awaitGuest({ instanceId }));
  if (whose === 'unknown') throw ApplicationFailure.nonRetryable(`${destination} still takes the guest`, 'DomainStateConflict');
  return whose;
}
