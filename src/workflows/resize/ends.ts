import type { AcceptedDecision } from '../../activities/accept/resize-decision.ts';
import type { InstanceChanges, Migration, OpenOperation } from '../../model/instance.ts';
import { touchedBy } from '../../model/touched.ts';
import type { Frame } from '../operate.ts';
import { doneOrOwed } from '../owed.ts';
import { startWhere } from './power.ts';

/**
 * Ends a migration where it is: what the source kept goes, and with it the way back (Nova's `confirm_resize`). A source that is down does it
 * when it is back.
 */
export async function confirmed(frame: Frame<InstanceChanges>, accepted: AcceptedDecision): Promise<InstanceChanges> {
  const { instance, migration, isSourceDown } = accepted;
  frame.commit(); // the source's copy goes
  await leaveSource(frame, migration, { instanceId: instance.id, isSourceDown });
  const left = touchedBy(instance, [migration.destination]);
  // Absent in runs of before 0.2.
  if (accepted.mayLeaveAtEnd === true) frame.leave(left);
  else await frame.enter({}, left);

  const isOff = instance.powerState === 'shutdown' || instance.powerState === 'crashed';
  return { vmState: isOff ? 'stopped' : 'active', migration: null, open: null };
}

/**
 * Takes a migration back (Nova's `revert_resize`): what the guest wrote since is gone, its disks, flavor and state are those of before. The
 * source is looked at before the guest is touched.
 */
export async function reverted(frame: Frame<InstanceChanges>, accepted: AcceptedDecision): Promise<InstanceChanges> {
  const { control, onHost, longOnHost } = frame;
  const { instance, migration, image, vifs } = accepted;
  const { source, destination, storage, claimId, oldFlavor, oldDisks, oldVmState, oldPinnedCpus: pinnedCpus = null } = migration;
  const here = { instanceId: instance.id, migrationId: migration.id };
  if (image === null) throw new TypeError('a revert starts the guest again, with its image');
  await onHost(source).requireDisksAside(here);

  frame.commit(); // what the guest wrote since it was resized goes
  await onHost(destination).switchGuestOff(here);
  await onHost(source).putDisksBack(here);
  const { toWipe } = await onHost(destination).removeArrival({ ...here, storage, kept: oldDisks.map(({ name }) => name) });
  await control.releaseClaim({ host: destination, instanceId: instance.id, claimId: instance.id });
  await control.takeClaimBack({ host: source, instanceId: instance.id, claimId });

  const touched = toWipe.length > 0 ? [source, destination] : [source];
  await frame.enter({ host: source, flavor: oldFlavor, disks: oldDisks, pinnedCpus }, touchedBy(instance, touched));
  const powerState = await startWhere(frame, {
    instance: { ...instance, flavor: oldFlavor, pinnedCpus },
    host: source,
    disks: oldDisks,
    image,
    vifs,
    isToRun: oldVmState === 'active',
    bootsAtOnce: accepted.bootsAtOnce,
  });
  if (toWipe.length > 0) {
    await longOnHost(destination).wipeDisks(here); // the guest need not wait for that
    frame.leave(touchedBy(instance, [source]));
  }
  return { vmState: oldVmState, powerState, migration: null, open: null };
}

/** Has nothing of an instance left at the source of its migration, or owed by it. */
export async function leaveSource(
  frame: Frame<InstanceChanges>,
  { source, destination, storage, id: migrationId, claimId }: Migration,
  { instanceId, isSourceDown }: { readonly instanceId: string; readonly isSourceDown: boolean },
): Promise<void> {
  const { control, onHost, longOnHost } = frame;
  let isOwed = false;
  if (storage === 'sameHost') await onHost(source).removeDisksAside({ instanceId, migrationId });
  else {
    isOwed = await doneOrOwed(frame, {
      host: source,
      isDown: isSourceDown,
      work: async (steps) => {
        const { toWipe } = await steps.leaveHost({ instanceId, migrationId });
        if (toWipe.length > 0) await longOnHost(source).wipeDisks({ instanceId });
      },
      owe: () =>
        control.oweWhenDown({ host: source, instanceId, networks: [], others: [], migration: { id: migrationId, storage }, isOff: true }),
    });
    // In a shared directory the destination sees what the source cannot remove.
    if (isOwed && storage === 'shared') await onHost(destination).removeDisksAside({ instanceId, migrationId });
  }
  if (!isOwed) await frame.lastly(() => control.releaseClaim({ host: source, instanceId, claimId }));
}

/** Has the record wait for a resize no more, and ends its run: whoever holds the instance now sees to what it left. */
export async function takeFromResize({ control, enter }: Frame<InstanceChanges>, open: OpenOperation): Promise<void> {
  await enter({ open: null });
  await control.stopReclaim({ open });
}
