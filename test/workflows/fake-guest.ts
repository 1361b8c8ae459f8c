import type { GuestAgentActivities } from '../../src/activities/guest-agent.ts';
import type { PowerActivities } from '../../src/activities/power.ts';
import type { SavedMemoryActivities, SavedMemoryLongActivities } from '../../src/activities/saved-memory.ts';
import type { ScreenshotActivities } from '../../src/activities/screenshot.ts';
import type { PowerState, VmState } from '../../src/model/instance.ts';

/** What a fake host has of an instance. */
export type FakeGuest = 'defined' | 'paused' | 'running' | 'saved';

/** The guests of a fake host. */
export interface FakeGuests {
  readonly guests: Map<string, FakeGuest>;
  /** Those that do not shut down when they are asked. */
  readonly stubborn: Set<string>;
  /** Those whose agents do not answer. */
  readonly silent: Set<string>;
  /** Those that have no agent. */
  readonly agentless: Set<string>;
  /** Those that were interrupted. */
  readonly interrupted: Set<string>;
  /** Passwords that their agents were given, with the user. */
  readonly passwords: Map<string, string>;
  /** Whether there is room for their memory. */
  isFull: boolean;
}

type GuestSteps = GuestAgentActivities & PowerActivities & SavedMemoryActivities & SavedMemoryLongActivities & ScreenshotActivities;

const restOf = { defined: 'stopped', paused: 'paused', running: 'active', saved: 'suspended' } as const;
/** What a hypervisor would say of it. */
export const powerOf = { defined: 'shutdown', paused: 'paused', running: 'running', saved: 'shutdown' } as const;
const told: readonly VmState[] = Object.values(restOf);

/** What is done to guests, to plain objects. */
export function fakeGuestSteps(host: FakeGuests): GuestSteps {
  const powerStateOf = (instanceId: string): PowerState => {
    const guest = host.guests.get(instanceId);
    return guest === undefined ? 'nostate' : powerOf[guest];
  };
  const turned = (instanceId: string, from: FakeGuest, to: FakeGuest) => {
    if (host.guests.get(instanceId) === from) host.guests.set(instanceId, to);
    return { powerState: powerStateOf(instanceId) };
  };
  return {
    lookAtGuest: async ({ instanceId, vmState }) => {
      const guest = host.guests.get(instanceId);
      const isTold = guest !== undefined && told.includes(vmState);
      return { vmState: isTold ? restOf[guest] : vmState, powerState: powerStateOf(instanceId) };
    },
    shutDownGuest: async ({ instanceId }) => {
      const isOff = !host.stubborn.has(instanceId);
      if (isOff) host.guests.set(instanceId, 'defined');
      return { powerState: powerStateOf(instanceId), isOff };
    },
    switchGuestOff: async ({ instanceId }) => {
      if (host.guests.get(instanceId) !== 'saved') host.guests.set(instanceId, 'defined');
      return { powerState: 'shutdown' };
    },
    pauseGuest: async ({ instanceId }) => turned(instanceId, 'running', 'paused'),
    unpauseGuest: async ({ instanceId }) => turned(instanceId, 'paused', 'running'),
    injectNmi: async ({ instanceId }) => {
      const isSent = ['running', 'paused'].includes(host.guests.get(instanceId) ?? '');
      if (isSent) host.interrupted.add(instanceId);
      return { isSent, powerState: powerStateOf(instanceId) };
    },
    setGuestClock: async () => ({ isSet: false }),
    setGuestPassword: async ({ instanceId, user, secrets: { adminPassword } }) => {
      const isSilent = host.silent.has(instanceId);
      if (!isSilent) host.passwords.set(instanceId, `${user}:${adminPassword}`);
      return { problem: isSilent ? 'its agent does not answer' : null, powerState: powerStateOf(instanceId) };
    },
    lookForRoom: async () => ({ problem: host.isFull ? '/save has 3 MiB free, the guest’s memory needs 64 MiB' : null }),
    attachHostDevices: async () => {},
    forgetSavedMemory: async ({ instanceId }) => {
      turned(instanceId, 'saved', 'defined');
    },
    saveGuest: async ({ instanceId }) => {
      turned(instanceId, 'running', 'saved');
      const { powerState } = turned(instanceId, 'paused', 'saved');
      return { isSaved: host.guests.get(instanceId) === 'saved', powerState };
    },
    restoreGuest: async ({ instanceId }) => {
      turned(instanceId, 'saved', 'paused');
      return { isPlugged: false };
    },
    wakeGuest: async ({ instanceId }) => {
      const { powerState } = turned(instanceId, 'saved', 'paused');
      return { isOff: powerState === 'shutdown', isPlugged: true, powerState, hasAgent: !host.agentless.has(instanceId) };
    },
    takeScreenshot: async () => ({ pngBase64: 'iVBORw0KGgo=' }),
  };
}
