import { ApplicationFailure } from '@temporalio/workflow';
import type { AcceptedGuest } from '../activities/accept/guest.ts';
import type { Instance } from '../model/instance.ts';
import { operateOnGuest } from './operate-on-guest.ts';

/**
 * Suspends a guest (Nova's `suspend_instance`): its memory is saved to disk, and it takes no more of the host than that. A host
 * without room ends it with the guest running; a cancel aborts the save, and the guest runs on. Once saved it is not undone.
 */
export function suspendInstance(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedGuest>({
    type: 'suspendInstance',
    request,
    accept: (control) => (input) => control.acceptGuest({ ...input, type: 'suspendInstance' }),

    story: async ({ onHost, longOnHost, whenHostReturns, undo, commit }, { instance: { id: instanceId }, host }) => {
      const { problem } = await onHost(host).lookForRoom({ instanceId });
      if (problem !== null) throw ApplicationFailure.nonRetryable(problem, 'DiskSpaceLow', {});

      undo('give the guest back the devices of its host', () => whenHostReturns(host).attachHostDevices({ instanceId }));
      const { isSaved, powerState } = await longOnHost(host).saveGuest({ instanceId });
      if (!isSaved) throw ApplicationFailure.nonRetryable('the guest ended by itself before it was saved', 'DomainStateConflict');

      commit(); // a cancel that came meanwhile is too late
      return { vmState: 'suspended', powerState };
    },
  });
}
