import type { AcceptedGuest } from '../activities/accept/guest.ts';
import type { Instance, InstanceChanges } from '../model/instance.ts';
import { type Frame, type Operation, operate } from './operate.ts';

interface GuestOperation<Input extends AcceptedGuest>
  extends Pick<Operation<Input, InstanceChanges>, 'type' | 'request' | 'accept' | 'story'> {}

/**
 * Runs an operation on a guest that is on its host. One that fails or is cancelled looks, as its last undo, what the guest has
 * become: the record then says what the hypervisor says, and the instance can be used.
 */
export function operateOnGuest<Input extends AcceptedGuest>({ story, ...operation }: GuestOperation<Input>): Promise<Instance> {
  let seen: InstanceChanges = {};

  return operate<Input, InstanceChanges, Instance>({
    ...operation,
    record: ({ instance }) => ({ kind: 'instance', id: instance.id, projectId: instance.projectId }),
    onFailed: (fault) => ({ ...seen, fault }),
    onCancelled: () => seen,
    undoneLeavesNothing: false,

    story: async (frame: Frame<InstanceChanges>, accepted) => {
      const { id: instanceId, vmState } = accepted.instance;
      frame.undo('see what the guest has become', async () => {
        seen = await frame.whenHostReturns(accepted.host).lookAtGuest({ instanceId, vmState });
      });
      return { ...(await story(frame, accepted)), fault: null };
    },
  });
}
