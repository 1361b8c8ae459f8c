import { ApplicationFailure } from '@temporalio/workflow';
import type { AcceptedGuest } from '../activities/accept/guest.ts';
import type { Instance, InstanceChanges, PowerState } from '../model/instance.ts';
import type { Accepted } from '../model/operation.ts';
import { type Operation, operate } from './operate.ts';

type OnGuest = Accepted & Pick<AcceptedGuest, 'instance'> & { readonly host: string | null };

type GuestOperation<Input extends OnGuest> = Pick<Operation<Input, InstanceChanges>, 'type' | 'request' | 'accept' | 'story'>;

/**
 * Runs an operation on a guest that is on its host. One that fails or is cancelled looks, as its last undo, what the guest has
 * become: the record then says what the hypervisor says, and the instance can be used.
 */
export function operateOnGuest<Input extends OnGuest>({ story, ...operation }: GuestOperation<Input>): Promise<Instance> {
  let seen: InstanceChanges = {};

  return operate<Input, InstanceChanges, Instance>({
    ...operation,
    record: ({ instance }) => ({ kind: 'instance', id: instance.id, projectId: instance.projectId }),
    onFailed: (fault) => ({ ...seen, fault }),
    onCancelled: () => seen,
    undoneLeavesNothing: false,

    story: async (frame, accepted) => {
      const { instance, host } = accepted;
      const { id: instanceId, vmState } = instance;
      if (host !== null) {
        frame.undo('see what the guest has become', async () => {
          seen = await frame.whenHostReturns(host).lookAtGuest({ instanceId, vmState });
        });
      }
      return { ...(await story(frame, accepted)), fault: null };
    },
  });
}

/** Ends the operation when its step found a guest that ended by itself: trying again would not help, and the record is to say so. */
export function requirePowerState(wanted: PowerState, found: PowerState): void {
  if (found !== wanted)
    throw ApplicationFailure.nonRetryable(`the guest is ${found}, not ${wanted}: it ended by itself`, 'DomainStateConflict');
}
