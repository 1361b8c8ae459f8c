import type { AcceptedBoot } from '../activities/accept/guest.ts';
import type { Instance } from '../model/instance.ts';
import { boot } from './boot.ts';
import { operateOnGuest } from './operate-on-guest.ts';

/**
 * Starts the guest of an instance that was stopped (Nova's `start_instance`): it boots, with the disks it had. Failed or
 * cancelled, at any step, it leaves the instance stopped.
 */
export function startInstance(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedBoot>({
    type: 'startInstance',
    request,
    accept: (control) => control.acceptStart,

    story: async (frame, { instance: { id: instanceId }, host, vifs, vifPlug }) => {
      frame.undo('switch the guest off again', () => frame.whenHostReturns(host).switchGuestOff({ instanceId }));
      const { powerState } = await boot(frame, { instanceId, host, vifs, vifPlug });

      return { vmState: 'active', powerState };
    },
  });
}
