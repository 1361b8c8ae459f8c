import { CancellationScope } from '@temporalio/workflow';
import type { AcceptedBoot } from '../activities/accept/guest.ts';
import type { Instance } from '../model/instance.ts';
import { runOncePlugged } from './boot.ts';
import { operateOnGuest } from './operate-on-guest.ts';

/**
 * Lets a suspended guest run on (Nova's `resume_instance`) from the memory that was saved, its clock set where its agent can. A
 * restore that fails keeps what was saved. A cancel is heard before it; a guest that is restored runs on, there is no way back.
 */
export function resumeInstance(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedBoot>({
    type: 'resumeInstance',
    request,
    accept: (control) => control.acceptResume,

    story: async (frame, { instance: { id: instanceId }, host, vifs, vifPlug }) => {
      const { onHost, longOnHost, commit } = frame;

      const { powerState } = await CancellationScope.nonCancellable(async () => {
        const restored = await longOnHost(host).restoreGuest({ instanceId, vifs });
        const running = await runOncePlugged(frame, { instanceId, host, vifs, vifPlug }, restored);
        await onHost(host).setGuestClock({ instanceId });
        return running;
      });

      commit(); // a cancel that came meanwhile is too late
      return { vmState: 'active', powerState };
    },
  });
}
