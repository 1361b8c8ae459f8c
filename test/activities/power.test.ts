import { expect, test, vi } from 'vitest';
import type { WhileHolding } from '../../src/activities/holding.ts';
import { powerActivities } from '../../src/activities/power.ts';
import { DomainState } from '../../src/libvirt/index.ts';
import { type FakeDomain, fakeLibvirt } from './fake-libvirt.ts';
import { inActivity } from './surroundings.ts';

const instanceId = '7d9f0e0c-0000-4000-8000-000000000001';
const token = { run: 'run', generation: 1 };
const guest = { instanceId, token };
const whileHolding: WhileHolding = (_id, _token, work) => work('/nowhere');

function powerOver(changes: Partial<FakeDomain> = {}) {
  const { libvirt, domain } = fakeLibvirt(changes);
  return { power: powerActivities(libvirt, whileHolding), domain };
}

const asks = ({ calls }: FakeDomain) => calls.filter((name) => name === 'shutdown').length;

test('a guest that shuts down when it is asked was asked once', async () => {
  const { power, domain } = powerOver();
  domain.onCall = () => {
    domain.state = DomainState.shutoff;
  };
  const asked = await inActivity(() => power.shutDownGuest({ ...guest, timeoutSeconds: 60, retrySeconds: 10 }));
  expect(asked).toEqual({ powerState: 'shutdown', isOff: true });
  expect(domain.calls).toEqual(['shutdown']);
});

test('a guest that does not shut down is asked again until its time is over, and left running', async () => {
  const { power, domain } = powerOver();
  const asked = await inActivity(() => power.shutDownGuest({ ...guest, timeoutSeconds: 0.5, retrySeconds: 0.15 }));
  expect(asked).toEqual({ powerState: 'running', isOff: false });
  expect(asks(domain)).toBeGreaterThanOrEqual(2);
});

test('a guest that somebody started anew is asked at once', async () => {
  const { power, domain } = powerOver();
  domain.onCall = () => {
    if (domain.id === 2) domain.state = DomainState.shutoff;
    domain.id += 1; // it ended and was started, all between two looks
  };
  const asked = await inActivity(() => power.shutDownGuest({ ...guest, timeoutSeconds: 60, retrySeconds: 3600 }));
  expect(asked.isOff).toBe(true);
  expect(asks(domain)).toBe(2);
});

test('a guest that is started again while it is switched off is off in the end', async () => {
  const { power, domain } = powerOver();
  let restarts = 2;
  domain.onCall = () => {
    if (restarts === 0) return;
    restarts -= 1;
    domain.state = DomainState.running;
  };
  expect(await inActivity(() => power.switchGuestOff(guest))).toEqual({ powerState: 'shutdown' });
  expect(domain.calls).toEqual(['destroy', 'destroy', 'destroy']);
});

test.each(['shutDownGuest', 'switchGuestOff', 'pauseGuest', 'unpauseGuest', 'injectNmi'] as const)(
  '%s never touches a domain that somebody else made',
  async (step) => {
    const { power, domain } = powerOver({ isOurs: false, state: step === 'unpauseGuest' ? DomainState.paused : DomainState.running });
    const act = () => power[step]({ ...guest, timeoutSeconds: 1, retrySeconds: 1 });
    await expect(inActivity<unknown>(act)).rejects.toMatchObject({ type: 'DomainStateConflict' });
    expect(domain.calls).toEqual([]);
  },
);

test.each(['shutDownGuest', 'switchGuestOff', 'pauseGuest', 'unpauseGuest', 'injectNmi'] as const)(
  '%s of a guest that is off changes nothing, and says that it is off',
  async (step) => {
    const { power, domain } = powerOver({ state: DomainState.shutoff });
    const seen = await inActivity<object>(() => power[step]({ ...guest, timeoutSeconds: 1, retrySeconds: 1 }));
    expect(seen).toMatchObject({ powerState: 'shutdown' });
    expect(domain.calls).toEqual([]);
  },
);

test.each([
  ['active', DomainState.paused, false, 'paused', 'paused'],
  ['paused', DomainState.running, false, 'active', 'running'],
  ['active', DomainState.shutoff, false, 'stopped', 'shutdown'],
  ['active', DomainState.shutoff, true, 'suspended', 'shutdown'],
  ['error', DomainState.running, false, 'error', 'running'],
  ['soft-delete', DomainState.shutoff, false, 'soft-delete', 'shutdown'],
] as const)(
  'an instance that was %s and whose domain is in state %i is found as it is',
  async (...[vmState, state, hasSavedMemory, ...found]) => {
    const { power } = powerOver({ state, hasSavedMemory });
    const [rests, powerState] = found;
    expect(await inActivity(() => power.lookAtGuest({ ...guest, vmState }))).toEqual({ vmState: rests, powerState });
  },
);

vi.setConfig({ testTimeout: 10_000 });
