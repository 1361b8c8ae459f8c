import { ApplicationFailure } from '@temporalio/workflow';
import type { AcceptedGuest } from '../activities/accept/guest.ts';
import type { Instance } from '../model/instance.ts';
import { operateOnGuest } from './operate-on-guest.ts';

/** Makes a guest dump its kernel (Nova's `trigger_crash_dump`), as far as it is set up to do so on a non-maskable interrupt. */
export function triggerCrashDump(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedGuest>({
    type: 'triggerCrashDump',
    request,
    accept: (control) => (input) => control.acceptGuest({ ...input, type: 'triggerCrashDump' }),

    story: async ({ onHost, commit }, { instance: { id: instanceId }, host }) => {
      const { isSent, powerState } = await onHost(host).injectNmi({ instanceId });
      if (!isSent) throw ApplicationFailure.nonRetryable(`the guest is ${powerState}: there is nothing to dump`, 'DomainStateConflict');

      commit(); // it cannot be taken back
      return { powerState };
    },
  });
}
