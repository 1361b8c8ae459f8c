import { log } from '@temporalio/activity';
import { ErrorCode, type Libvirt, LibvirtError } from '../libvirt/index.ts';
import type { PowerState } from '../model/instance.ts';
import { agentOf } from '../model/live-disk.ts';
import type { NewPassword } from '../model/secrets.ts';
import type { Token } from '../model/tenure.ts';
import { isNoDomain } from './failures.ts';
import { guestOf } from './guest.ts';
import type { WhileHolding } from './holding.ts';
import { powerStateOf } from './power-state.ts';

export interface GuestAgentActivities {
  /**
   * Sets the password of a user of the guest by its agent; `problem` says why it is not set: a guest that does not run, an agent that is
   * silent or cannot. Nothing that the guest answers is passed on: it has heard the password. Repeatable.
   */
  setGuestPassword(input: {
    token: Token;
    instanceId: string;
    user: string;
    secrets: NewPassword;
  }): Promise<{ readonly problem: string | null; readonly powerState: PowerState }>;
  /** Sets the guest's clock by its agent; one without an agent, or whose agent is silent, keeps its own. Repeatable. */
  setGuestClock(input: { token: Token; instanceId: string }): Promise<{ readonly isSet: boolean }>;
}

/** How long an agent that answered once may take to do what it is asked; without a bound libvirt waits for ever. */
const responseSeconds = 20;

/** Why an agent did not do it, by libvirt's code. */
const problems: ReadonlyMap<number, string> = new Map([
  [ErrorCode.agentUnresponsive, "the guest's agent does not answer"],
  [ErrorCode.argumentUnsupported, 'the guest has no channel for an agent'],
  [ErrorCode.operationInvalid, 'the guest ended'],
]);

export function guestAgentActivities(libvirt: Libvirt, whileHolding: WhileHolding): GuestAgentActivities {
  return {
    setGuestPassword: ({ token, instanceId, user, secrets: { adminPassword: password } }) =>
      whileHolding(instanceId, token, async () => {
        const dom = { uuid: instanceId };
        const guest = guestOf(libvirt, instanceId);
        const powerState = powerStateOf(await guest.state());
        if (powerState !== 'running') return { problem: `the guest is ${powerState}: its agent does not run`, powerState };
        await guest.requireOurs();
        try {
          await libvirt.domainAgentSetResponseTimeout({ dom, timeoutSeconds: responseSeconds });
          await libvirt.domainSetUserPassword({ dom, user, password });
          return { problem: null, powerState };
        } catch (error) {
          // Its text, which goes into histories and logs, is the guest's.
          if (!(error instanceof LibvirtError) || isNoDomain(error)) throw error;
          const why = problems.get(error.code) ?? `the guest's agent refused to (libvirt error ${error.code})`;
          return { problem: `the password of ${user} was not set: ${why}`, powerState: powerStateOf(await guest.state()) };
        }
      }),

    setGuestClock: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async () => {
        const dom = { uuid: instanceId };
        if (agentOf(await libvirt.domainGetXmlDesc({ dom })) === 'none') return { isSet: false };
        try {
          await libvirt.domainAgentSetResponseTimeout({ dom, timeoutSeconds: responseSeconds });
          await libvirt.domainSetTime({ dom, seconds: BigInt(Math.floor(Date.now() / 1000)), nanoseconds: 0 });
          return { isSet: true };
        } catch (error) {
          if (!(error instanceof LibvirtError)) throw error;
          log.warn('the clock of a resumed guest was not set', { instanceId, error: error.message });
          return { isSet: false };
        }
      }),
  };
}
