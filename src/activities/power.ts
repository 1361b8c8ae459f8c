import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Libvirt } from '../libvirt/index.ts';
import type { PowerState, VmState } from '../model/instance.ts';
import type { Token } from '../model/tenure.ts';
import { type Guest, guestOf, isOff, unlessStopped } from './guest.ts';
import type { WhileHolding } from './holding.ts';
import { powerStateOf, vmStateOf } from './power-state.ts';

export interface PowerActivities {
  /** What the guest is, by its hypervisor's word, and in which state that leaves an instance that was in `vmState`. Changes nothing. */
  lookAtGuest(input: { token: Token; instanceId: string; vmState: VmState }): Promise<Seen>;
  /**
   * Asks the guest to shut down, again every `retrySeconds`, until it is off or the time is over; then it still runs, and that is
   * no failure. A guest that is off is left so. Repeatable; the time begins anew.
   */
  shutDownGuest(input: { token: Token; instanceId: string; timeoutSeconds: number; retrySeconds: number }): Promise<Asked>;
  /** Stops the guest's processors. One that is paused or off is left so: what it is then is the answer. Repeatable. */
  pauseGuest(input: { token: Token; instanceId: string }): Promise<{ readonly powerState: PowerState }>;
  /** Lets a paused guest run on. Repeatable. */
  unpauseGuest(input: { token: Token; instanceId: string }): Promise<{ readonly powerState: PowerState }>;
  /** Interrupts the guest so that it dumps its kernel; nothing is sent to one that is off. A repetition interrupts it again. */
  injectNmi(input: { token: Token; instanceId: string }): Promise<{ readonly isSent: boolean; readonly powerState: PowerState }>;
  /** Switches the guest off; it is off when this returns. Right when it is off or not there. Repeatable. */
  switchGuestOff(input: { token: Token; instanceId: string }): Promise<{ readonly powerState: PowerState }>;
}

export interface Seen {
  readonly vmState: VmState;
  readonly powerState: PowerState;
}

/** What became of a guest that was asked to shut down. */
export interface Asked {
  readonly powerState: PowerState;
  readonly isOff: boolean;
}

/** States that a domain tells by itself. An instance in another, such as `error` or `soft-delete`, stays in it. */
const told: ReadonlySet<VmState> = new Set<VmState>(['active', 'paused', 'stopped', 'suspended']);

const pollMs = 100;

export function powerActivities(libvirt: Libvirt, whileHolding: WhileHolding): PowerActivities {
  return {
    lookAtGuest: async ({ instanceId, vmState }) => {
      const state = await guestOf(libvirt, instanceId).state();
      const powerState = powerStateOf(state);
      if (!told.has(vmState) || state === null) return { vmState, powerState };
      const isSaved = await libvirt.domainHasManagedSaveImage({ dom: { uuid: instanceId } });
      return { vmState: vmStateOf(state, isSaved) ?? vmState, powerState };
    },

    shutDownGuest: async ({ token, instanceId, timeoutSeconds, retrySeconds }) => {
      const { cancellationSignal: signal } = Context.current();
      const guest = guestOf(libvirt, instanceId);
      const deadline = Date.now() + timeoutSeconds * 1000;
      let askAgainAt = 0;
      let askedRun = -1;
      for (;;) {
        const state = await guest.state();
        if (isOff(state) || Date.now() > deadline) return { powerState: powerStateOf(state), isOff: isOff(state) };
        const runNumber = await guest.runNumber();
        // Another number: somebody started it anew, and what was asked before is gone.
        if (runNumber !== askedRun || Date.now() > askAgainAt) {
          await askToShutDown(guest, token, instanceId);
          askedRun = runNumber;
          askAgainAt = Date.now() + retrySeconds * 1000;
        }
        await setTimeout(pollMs, undefined, { signal });
      }
    },

    switchGuestOff: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async () => {
        const guest = guestOf(libvirt, instanceId);
        if ((await guest.state()) !== null) await guest.requireOurs();
        await guest.switchOff();
        return { powerState: powerStateOf(await guest.state()) };
      }),

    pauseGuest: ({ token, instanceId }) =>
      whileHolding(instanceId, token, () => changed(instanceId, 'running', () => libvirt.domainSuspend({ dom: { uuid: instanceId } }))),

    unpauseGuest: ({ token, instanceId }) =>
      whileHolding(instanceId, token, () => changed(instanceId, 'paused', () => libvirt.domainResume({ dom: { uuid: instanceId } }))),

    injectNmi: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async () => {
        const guest = guestOf(libvirt, instanceId);
        const state = await guest.state();
        if (isOff(state)) return { isSent: false, powerState: powerStateOf(state) };
        await guest.requireOurs();
        await libvirt.domainInjectNmi({ dom: { uuid: instanceId } });
        return { isSent: true, powerState: powerStateOf(await guest.state()) };
      }),
  };

  /** Does it to a guest that is so, and says what the guest is then. */
  async function changed(uuid: string, from: PowerState, change: () => Promise<void>): Promise<{ readonly powerState: PowerState }> {
    const guest = guestOf(libvirt, uuid);
    const state = await guest.state();
    if (powerStateOf(state) === from) {
      await guest.requireOurs();
      await unlessStopped(change());
    }
    return { powerState: powerStateOf(await guest.state()) };
  }

  /**
   * Asks by what libvirt takes for the best way, agent or power button. A guest that ended meanwhile did what it was asked. The
   * instance is held for the request alone: an operation that takes it over need not wait for the guest.
   */
  function askToShutDown(guest: Guest, token: Token, instanceId: string): Promise<void> {
    return whileHolding(instanceId, token, async () => {
      await guest.requireOurs();
      await unlessStopped(libvirt.domainShutdownFlags({ dom: { uuid: instanceId } }));
    });
  }
}
