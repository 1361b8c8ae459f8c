import { ApplicationFailure } from '@temporalio/workflow';
import type { AcceptedPassword } from '../activities/accept/password.ts';
import type { Instance } from '../model/instance.ts';
import { operateOnGuest } from './operate-on-guest.ts';

/**
 * Sets the password of a guest's administrator by the guest's agent (Nova's `set_admin_password`). A guest whose agent is silent, or will
 * not, stays as it was. A cancel that comes while the agent is asked may be too late: the password is the old one, or the new.
 */
export function setInstancePassword(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedPassword>({
    type: 'setInstancePassword',
    request,
    accept: (control) => control.acceptPassword,

    story: async ({ onHost, commit }, { instance: { id: instanceId }, host, user, secrets }) => {
      const { problem, powerState } = await onHost(host).setGuestPassword({ instanceId, user, secrets });
      if (problem !== null) throw ApplicationFailure.nonRetryable(problem, 'InstancePasswordSetFailed');

      commit(); // it cannot be taken back
      return { powerState };
    },
  });
}
