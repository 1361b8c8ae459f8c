import type { AcceptedStop } from '../activities/accept/guest.ts';
import type { Instance } from '../model/instance.ts';
import { operateOnGuest } from './operate-on-guest.ts';

/**
 * Stops a guest (Nova's `stop_instance`): asks it to shut down, and switches it off when it does not in time. A cancel is heard
 * while the guest is asked; a guest that has gone down by then is recorded as stopped.
 */
export function stopInstance(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedStop>({
    type: 'stopInstance',
    request,
    accept: (control) => control.acceptStop,

    story: async ({ onHost, waitOnHost, commit }, { instance: { id: instanceId }, host, timeoutSeconds, retrySeconds }) => {
      if (timeoutSeconds > 0) {
        const { isOff, powerState } = await waitOnHost(host, timeoutSeconds).shutDownGuest({ instanceId, timeoutSeconds, retrySeconds });
        if (isOff) return { vmState: 'stopped', powerState };
      }

      commit(); // the guest loses what it had in memory
      const { powerState } = await onHost(host).switchGuestOff({ instanceId });

      return { vmState: 'stopped', powerState };
    },
  });
}
