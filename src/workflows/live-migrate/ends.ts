import type { InstanceChanges, Migration, PowerState } from '../../model/instance.ts';
import type { Frame } from '../operate.ts';
import { isAway } from '../outcome.ts';
import { doneOrOwed } from '../owed.ts';

/** A migration and the instance that it is of. */
export interface LiveMigration extends Pick<Migration, 'id' | 'source' | 'destination' | 'claimId'> {
  readonly instanceId: string;
  readonly storage: 'shared' | 'separate';
}

/**
 * Leaves nothing of an instance at the source that its guest went from (Nova's `_post_live_migration`). One that is away does it when it is
 * back.
 */
export async function leaveSource(
  frame: Frame<InstanceChanges>,
  { instanceId, source, storage, claimId, ...migration }: LiveMigration,
): Promise<void> {
  const { control } = frame;
  const isOwed = await doneOrOwed(frame, {
    host: source,
    isDown: false,
    work: async (steps) => {
      // Runs of before 0.2 have no answer here: no guest with a device could move.
      const left: { toWipe: readonly string[] } | undefined | null = await steps.leaveMigrated({ instanceId, storage });
      if ((left?.toWipe ?? []).length > 0) await frame.longOnHost(source).wipeDisks({ instanceId });
    },
    owe: () => control.oweWhenDown({ host: source, instanceId, networks: [], others: [], isOff: true, ...left({ ...migration, storage }) }),
  });
  if (!isOwed) await frame.lastly(() => control.releaseClaim({ host: source, instanceId, claimId }));
}

/**
 * Has the guest at its source alone, whatever became of its migration (Nova's `_rollback_live_migration`); returns what it is there. A
 * destination that is away does its part when it is back, but is waited for while it may have the guest.
 */
export async function haveItAtTheSource(
  { control, unlessAway, whenHostReturns }: Frame<InstanceChanges>,
  { instanceId, id: migrationId, source, destination, storage }: LiveMigration,
  { isPaused }: { readonly isPaused: boolean },
): Promise<{ readonly powerState: PowerState }> {
  const atSource = whenHostReturns(source);
  const { end } = await atSource.endMigration({ instanceId });
  const isThere = end === 'here';
  try {
    const steps = isThere ? unlessAway(destination) : whenHostReturns(destination);
    await steps.dropArrival({ instanceId, migrationId, storage, source: end });
  } catch (away) {
    if (!isThere || !isAway(away)) throw away;
    await control.oweRemoval({ host: destination, instanceId, ...left({ id: migrationId, storage }) });
  }
  if (!isPaused) await atSource.runOn({ instanceId });
  await atSource.forgetMigration({ instanceId });
  return atSource.lookAtGuest({ instanceId, vmState: isPaused ? 'paused' : 'active' });
}

/** What is to be removed is all of the instance, but in a directory that the hosts share. */
function left({ id, storage }: Pick<LiveMigration, 'id' | 'storage'>): { readonly migration?: Pick<LiveMigration, 'id' | 'storage'> } {
  return storage === 'separate' ? {} : { migration: { id, storage } };
}
