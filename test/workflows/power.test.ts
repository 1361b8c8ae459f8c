import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, type HostStep, startFleet, viewOf } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;

beforeAll(async () => {
  fleet = await startFleet(['power-1']);
  request = await furnish(fleet, 'power');
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

const burns = () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire'));

/** What the host runs of an instance. */
const guestOf = (instanceId: string) => fleet.hosts.get('power-1')?.guests.get(instanceId);
const recordOf = (instanceId: string) => fleet.record<Instance>(`instance/${instanceId}`);
const walked = ({ taskHistory }: Instance) => taskHistory.map(({ taskState }) => taskState);

async function active(name: string): Promise<string> {
  return (await fleet.run<Instance>('buildInstance', request(name))).id;
}

async function stopped(name: string): Promise<string> {
  const instanceId = await active(name);
  await fleet.run('stopInstance', { instanceId });
  return instanceId;
}

/** Starts the operation, waits until it is at the step and asks it to cancel; returns how it ended. */
async function cancelledAt(step: HostStep, type: string, input: object) {
  const { reached } = fleet.holdAt(step);
  const run = await fleet.start(type, input);
  await reached;
  await run.cancel();
  const end = await endOf(run);
  fleet.leaveAlone();
  return end;
}

test('a guest that is stopped and started walks the task states of Nova', async () => {
  const instanceId = await active('walks');
  const off = await fleet.run<Instance>('stopInstance', { instanceId });
  expect(off).toMatchObject({ vmState: 'stopped', taskState: null, powerState: 'shutdown', host: 'power-1', operation: null });
  expect(walked(off)).toEqual(['powering-off', null]);
  expect(guestOf(instanceId)).toBe('defined');

  const on = await fleet.run<Instance>('startInstance', { instanceId });
  expect(on).toMatchObject({ vmState: 'active', taskState: null, powerState: 'running', launchedAt: off.launchedAt });
  expect(walked(on)).toEqual(['powering-on', null]);
  expect(guestOf(instanceId)).toBe('running');
});

test.each([
  ['does not shut down in time', { mode: 'clean', timeoutSeconds: 1 }],
  ['is stopped hard', { mode: 'hard' }],
  ['is given no time', { timeoutSeconds: 0 }],
])('a guest that %s is switched off', async (_what, how) => {
  const instanceId = await active('stubborn');
  fleet.hosts.get('power-1')?.stubborn.add(instanceId);
  expect(await fleet.run('stopInstance', { instanceId, ...how })).toMatchObject({ vmState: 'stopped', powerState: 'shutdown' });
  expect(guestOf(instanceId)).toBe('defined');
});

test('a stop that is cancelled while the guest is asked leaves it running, and recorded as it is', async () => {
  const instanceId = await active('asked');
  expect(await cancelledAt('shutDownGuest', 'stopInstance', { instanceId })).toMatchObject({ type: 'Canceled' });
  expect(await recordOf(instanceId)).toMatchObject({ vmState: 'active', taskState: null, powerState: 'running', operation: null });
});

test('a stop that is cancelled once the guest is down leaves it recorded as stopped', async () => {
  const instanceId = await active('went-down');
  fleet.at('shutDownGuest', async (point) => {
    if (point === 'after') throw ApplicationFailure.nonRetryable('the worker was killed', 'Killed');
  });
  const run = await fleet.start('stopInstance', { instanceId, onFailure: 'park' });
  await eventually(async () => (await viewOf(run)).parked);
  fleet.leaveAlone();
  await run.cancel();
  expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
  expect(await recordOf(instanceId)).toMatchObject({ vmState: 'stopped', powerState: 'shutdown', operation: null });
});

test('a stop is past its point of no return when it switches the guest off: a cancel is not heard', async () => {
  const instanceId = await active('too-late');
  const { reached, release } = fleet.holdAt('switchGuestOff');
  const run = await fleet.start('stopInstance', { instanceId, mode: 'hard' });
  await reached;
  await run.cancel();
  release();
  expect(await run.result()).toMatchObject({ vmState: 'stopped' });
});

describe.each(['startPaused', 'waitForVifs', 'runGuest'] as const)('a start whose %s', (step) => {
  test.each(['before', 'after'] as const)(
    'fails %s its effect leaves the instance stopped, with the fault, and a start later runs it',
    async (point) => {
      const instanceId = await stopped(`fails-${step}`);
      fleet.at(step, async (at) => {
        if (at === point) await burns();
      });
      const run = await fleet.start('startInstance', { instanceId, onFailure: 'rollback' });
      expect(await endOf(run)).toMatchObject({ type: 'OperationFailed', details: { step } });
      expect(await recordOf(instanceId)).toMatchObject({
        vmState: 'stopped',
        powerState: 'shutdown',
        operation: null,
        fault: { type: 'OperationFailed', operation: { type: 'startInstance' } },
      });
      expect(guestOf(instanceId)).toBe('defined');
      fleet.leaveAlone();
      expect(await fleet.run('startInstance', { instanceId })).toMatchObject({ vmState: 'active', fault: null });
    },
  );

  test('is cancelled leaves the instance stopped', async () => {
    const instanceId = await stopped(`cancelled-${step}`);
    expect(await cancelledAt(step, 'startInstance', { instanceId })).toMatchObject({ type: 'Canceled' });
    expect(await recordOf(instanceId)).toMatchObject({ vmState: 'stopped', powerState: 'shutdown', operation: null, fault: null });
    expect(guestOf(instanceId)).toBe('defined');
  });
});

test('an operation on a guest parks at a step that is out of retries, when nobody said otherwise', async () => {
  const instanceId = await stopped('parks');
  fleet.at('startPaused', burns);
  const run = await fleet.start('startInstance', { instanceId });
  expect(await eventually(async () => (await viewOf(run)).parked)).toMatchObject({ step: 'startPaused', attention: 'StepFailed' });
  fleet.leaveAlone();
  await run.executeUpdate('retry', { args: [{ reason: 'the fire is out' }] });
  expect(await run.result()).toMatchObject({ vmState: 'active' });
});

test('an action in the wrong state is refused at once with both states and nothing touched', async () => {
  const instanceId = await active('wrong-state');
  const before = await recordOf(instanceId);
  const run = await fleet.start('startInstance', { instanceId });
  expect(await endOf(run)).toMatchObject({
    type: 'InvalidState',
    message: 'instance wrong-state is active: only one that is stopped can be started',
    details: { vmState: 'active', taskState: null },
  });
  expect(await recordOf(instanceId)).toEqual(before);
});

test('a stopped instance is deleted', async () => {
  const instanceId = await stopped('deleted-while-stopped');
  expect(await fleet.run('deleteInstance', { instanceId })).toMatchObject({ vmState: 'deleted' });
  expect(guestOf(instanceId)).toBeUndefined();
});
