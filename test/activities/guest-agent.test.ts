import { expect, test } from 'vitest';
import { failureOf } from '../../src/activities/failures.ts';
import { guestAgentActivities } from '../../src/activities/guest-agent.ts';
import type { WhileHolding } from '../../src/activities/holding.ts';
import { DomainState, ErrorCode } from '../../src/libvirt/index.ts';
import { canariesIn, secrets } from '../workflows/canaries.ts';
import { type FakeDomain, fakeLibvirt } from './fake-libvirt.ts';
import { inActivity } from './surroundings.ts';

const whileHolding: WhileHolding = (_id, _token, work) => work('/nowhere');
const { adminPassword } = secrets;
const asked = {
  instanceId: '7d9f0e0c-0000-4000-8000-000000000001',
  token: { run: 'run', generation: 1 },
  user: 'root',
  secrets: { adminPassword },
};

function setPassword(changes: Partial<FakeDomain> = {}) {
  const { libvirt, domain } = fakeLibvirt(changes);
  return { domain, answer: inActivity(() => guestAgentActivities(libvirt, whileHolding).setGuestPassword(asked)) };
}

test('a password is set by the agent, which has a bounded time to answer', async () => {
  const { domain, answer } = setPassword();
  expect(await answer).toEqual({ problem: null, powerState: 'running' });
  expect(domain.calls).toEqual(['agent has 20 s', 'password of root']);
});

test.each([
  [ErrorCode.agentUnresponsive, "the guest's agent does not answer"],
  [ErrorCode.argumentUnsupported, 'the guest has no channel for an agent'],
  [ErrorCode.internalError, "the guest's agent refused to (libvirt error 1)"],
])('an agent that ends with libvirt’s code %i is told by it, and what it said is not: it had heard the password', async (code, why) => {
  const { answer } = setPassword({ agentFails: { code, message: `I was asked to set ${adminPassword}` } });
  expect(await answer).toEqual({ problem: `the password of root was not set: ${why}`, powerState: 'running' });
  expect(canariesIn(Buffer.from(JSON.stringify(await answer)))).toEqual([]);
});

test('a guest that is not there fails without a word of what it was to learn', async () => {
  const { answer } = setPassword({ agentFails: { code: ErrorCode.noDomain, message: 'no domain' } });
  const failure = failureOf(await answer.catch((error: unknown) => error));
  expect(failure).toMatchObject({ type: 'DomainNotFound' });
});

test.each([
  [DomainState.paused, 'paused'],
  [DomainState.shutoff, 'shutdown'],
])('a guest in state %i is not asked', async (state, powerState) => {
  const { domain, answer } = setPassword({ state });
  expect(await answer).toEqual({ problem: `the guest is ${powerState}: its agent does not run`, powerState });
  expect(domain.calls).toEqual([]);
});

test('the password of a guest that somebody else made is never set', async () => {
  const { domain, answer } = setPassword({ isOurs: false });
  await expect(answer).rejects.toMatchObject({ type: 'DomainStateConflict' });
  expect(domain.calls).toEqual([]);
});
