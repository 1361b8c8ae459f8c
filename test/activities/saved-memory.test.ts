import { expect, test } from 'vitest';
import type { WhileHolding } from '../../src/activities/holding.ts';
import { savedMemoryActivities } from '../../src/activities/saved-memory.ts';
import { DomainState } from '../../src/libvirt/index.ts';
import { type FakeDomain, fakeLibvirt } from './fake-libvirt.ts';
import { inActivity } from './surroundings.ts';

const guest = { instanceId: '7d9f0e0c-0000-4000-8000-000000000001', token: { run: 'run', generation: 1 } };
const whileHolding: WhileHolding = (_id, _token, work) => work('/nowhere');
const socket = '/run/libvirt/libvirt-sock';
const device = (slot: string) => `<hostdev type='pci'><source><address domain='0' bus='1' slot='${slot}' function='0'/></source></hostdev>`;

function memoryOf(changes: Partial<FakeDomain> = {}) {
  const { libvirt, domain } = fakeLibvirt(changes);
  return { memory: savedMemoryActivities(libvirt, whileHolding, { libvirt: { socket, saveDir: '/' } }), domain };
}

test('a guest with devices of its host is saved without them, and has them again once it is restored', async () => {
  const devices = [device('1'), device('2')];
  const { memory, domain } = memoryOf({ defined: devices, attached: [...devices] });
  expect(await inActivity(() => memory.saveGuest(guest))).toEqual({ isSaved: true, powerState: 'shutdown' });
  expect(domain.calls).toEqual(['detach', 'detach', 'save']);

  domain.onCall = (name) => {
    if (name === 'create') domain.attached = []; // it comes back as it was saved
  };
  await inActivity(() => memory.restoreGuest({ ...guest, vifs: [] }));
  expect(domain.calls.slice(3)).toEqual(['create', 'attach', 'attach']);
  expect(domain.attached).toEqual(devices);
});

test('a save that failed gives the guest its devices back', async () => {
  const { memory, domain } = memoryOf({ defined: [device('1'), device('2')], attached: [device('2')] });
  await inActivity(() => memory.attachHostDevices(guest));
  expect(domain.attached).toEqual([device('2'), device('1')]);
  await inActivity(() => memory.attachHostDevices(guest));
  expect(domain.calls).toEqual(['attach']);
});

test('a guest that ended by itself is not said to be saved', async () => {
  const { memory, domain } = memoryOf({ state: DomainState.shutoff });
  expect(await inActivity(() => memory.saveGuest(guest))).toEqual({ isSaved: false, powerState: 'shutdown' });
  expect(domain.calls).toEqual([]);
});

test.each([
  ['is gone', { hasSavedMemory: false }],
  ['cannot be read', { hasSavedMemory: true, isReadable: false }],
])('a guest whose saved memory %s is not booted in its place', async (_what, saved) => {
  const { memory, domain } = memoryOf({ state: DomainState.shutoff, ...saved });
  await expect(inActivity(() => memory.restoreGuest({ ...guest, vifs: [] }))).rejects.toMatchObject({
    type: 'SavedMemoryUnusable',
    nonRetryable: true,
  });
  expect(domain).toMatchObject({ calls: [], state: DomainState.shutoff, hasSavedMemory: saved.hasSavedMemory });
});

test('a restore that is repeated leaves the guest as the first made it', async () => {
  const { memory, domain } = memoryOf({ state: DomainState.paused });
  expect(await inActivity(() => memory.restoreGuest({ ...guest, vifs: [] }))).toEqual({ isPlugged: true });
  expect(domain.calls).toEqual([]);
});

test('a guest that was saved for a moment wakes, with the devices of its host', async () => {
  const { memory, domain } = memoryOf({ state: DomainState.shutoff, hasSavedMemory: true, defined: [device('1')] });
  domain.onCall = (name) => {
    if (name === 'create') domain.attached = [];
  };
  const woken = { isOff: false, isPlugged: true, powerState: 'paused', hasAgent: false };
  expect(await inActivity(() => memory.wakeGuest({ ...guest, vifs: [] }))).toEqual(woken);
  expect(domain.calls).toEqual(['create', 'attach']);
});

test('a guest that is to wake and was never saved goes on, with its devices; one that ended by itself stays off', async () => {
  const awake = memoryOf({ defined: [device('1')] });
  expect(await inActivity(() => awake.memory.wakeGuest({ ...guest, vifs: [] }))).toMatchObject({ isOff: false, powerState: 'running' });
  expect(awake.domain.calls).toEqual(['attach']);
  const ended = memoryOf({ state: DomainState.shutoff });
  expect(await inActivity(() => ended.memory.wakeGuest({ ...guest, vifs: [] }))).toMatchObject({ isOff: true, powerState: 'shutdown' });
  expect(ended.domain.calls).toEqual([]);
});
