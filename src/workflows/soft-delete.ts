import type { AcceptedSoftDelete } from '../activities/accept/soft-delete.ts';
import type { Instance } from '../model/instance.ts';
import { deleteAll } from './delete.ts';
import { operateOnGuest } from './operate-on-guest.ts';
import { leaveSource, takeFromResize } from './resize/ends.ts';

/**
 * Deletes an instance so that it can be restored for a time (Nova's `soft_delete`): its guest is switched off, the rest stays
 * where it is, and a reclaim waits. Where the configured time is 0, or nothing is there, it is deleted at once.
 */
export function softDeleteInstance(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedSoftDelete>({
    type: 'softDeleteInstance',
    request,
    accept: (_control, patientControl) => patientControl.acceptSoftDelete,

    story: async (frame, accepted) => {
      const { instance, host, reclaimAfterSeconds } = accepted;
      if (host === null || reclaimAfterSeconds === null) return deleteAll(frame, accepted);
      const { id: instanceId } = instance;

      frame.commit(); // the guest loses what it had in memory
      if (instance.open !== null) await takeFromResize(frame, instance.open);
      const { migration } = instance;
      if (migration) await leaveSource(frame, migration, { instanceId, isSourceDown: accepted.down?.includes(migration.source) === true });
      const { powerState } = await frame.onHost(host).switchGuestOff({ instanceId });
      const until = new Date(Date.now() + reclaimAfterSeconds * 1000).toISOString();
      const open = await frame.control.startReclaim({ instanceId, until });

      return { vmState: 'soft-delete', powerState, open, migration: null };
    },
  });
}
