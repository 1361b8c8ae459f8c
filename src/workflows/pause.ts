import type { AcceptedGuest } from '../activities/accept/guest.ts';
import type { Instance } from '../model/instance.ts';
import { operateOnGuest, requirePowerState } from './operate-on-guest.ts';

/** Pauses a guest (Nova's `pause_instance`): its processors stop, its memory stays. Failed or cancelled it runs on. */
export function pauseInstance(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedGuest>({
    type: 'pauseInstance',
    request,
    accept: (control) => (input) => control.acceptGuest({ ...input, type: 'pauseInstance' }),

    story: async ({ onHost, whenHostReturns, undo }, { instance: { id: instanceId }, host }) => {
      undo('let the guest run on', () => whenHostReturns(host).unpauseGuest({ instanceId }));
      const { powerState } = await onHost(host).pauseGuest({ instanceId });
      requirePowerState('paused', powerState);

      return { vmState: 'paused', powerState };
    },
  });
}

/** Lets a paused guest run on (Nova's `unpause_instance`). Failed or cancelled it is paused again. */
export function unpauseInstance(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedGuest>({
    type: 'unpauseInstance',
    request,
    accept: (control) => (input) => control.acceptGuest({ ...input, type: 'unpauseInstance' }),

    story: async ({ onHost, whenHostReturns, undo }, { instance: { id: instanceId }, host }) => {
      undo('pause the guest again', () => whenHostReturns(host).pauseGuest({ instanceId }));
      const { powerState } = await onHost(host).unpauseGuest({ instanceId });
      requirePowerState('running', powerState);

      return { vmState: 'active', powerState };
    },
  });
}
