import type { AcceptedBoot } from '../activities/accept/guest.ts';
import type { Instance } from '../model/instance.ts';
import { boot } from './boot.ts';
import { operateOnGuest } from './operate-on-guest.ts';

/**
 * Takes a soft delete back (Nova's `restore_instance`): the guest boots, and nothing waits to delete it any more. As long as it
 * holds the instance no reclaim can take it; failed or cancelled it leaves the instance soft-deleted, its time as it was.
 */
export function restoreInstance(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedBoot>({
    type: 'restoreInstance',
    request,
    accept: (control) => control.acceptRestore,

    story: async (frame, { instance: { id: instanceId, open }, host, vifs, vifPlug }) => {
      const { control, whenHostReturns, undo, commit } = frame;

      undo('switch the guest off again', () => whenHostReturns(host).switchGuestOff({ instanceId }));
      const { powerState } = await boot(frame, { instanceId, host, vifs, vifPlug });

      commit(); // without its reclaim it may not stay soft-deleted
      if (open !== null) await control.stopReclaim({ open });

      return { vmState: 'active', powerState, open: null };
    },
  });
}
