import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Image } from '../../src/model/image.ts';
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
  return after(await active(name), 'stopInstance');
}

async function after(instanceId: string, type: string): Promise<string> {
  await fleet.run(type, { instanceId });
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

/** From one state of a guest to the next, in an order in which one instance can walk them: each with the task states of Nova on the way. */
const walks: readonly [type: string, request: object, taskStates: readonly (string | null)[], becomes: object, guest: string][] = [
  ['stopInstance', {}, ['powering-off', null], { vmState: 'stopped', powerState: 'shutdown' }, 'defined'],
  ['startInstance', {}, ['powering-on', null], { vmState: 'active', powerState: 'running' }, 'running'],
  ['pauseInstance', {}, ['pausing', null], { vmState: 'paused', powerState: 'paused' }, 'paused'],
  ['unpauseInstance', {}, ['unpausing', null], { vmState: 'active', powerState: 'running' }, 'running'],
  ['suspendInstance', {}, ['suspending', null], { vmState: 'suspended', powerState: 'shutdown' }, 'saved'],
  ['resumeInstance', {}, ['resuming', null], { vmState: 'active', powerState: 'running' }, 'running'],
  [
    'rebootInstance',
    { mode: 'soft' },
    ['rebooting', 'reboot_pending', 'reboot_started', null],
    { vmState: 'active', powerState: 'running' },
    'running',
  ],
  [
    'rebootInstance',
    { mode: 'hard' },
    ['rebooting_hard', 'reboot_pending_hard', 'reboot_started_hard', null],
    { vmState: 'active', powerState: 'running' },
    'running',
  ],
  ['triggerCrashDump', {}, [null], { vmState: 'active', powerState: 'running' }, 'running'],
];

test('a guest that goes through all its states walks the task states of Nova, and its host runs what the record says', async () => {
  const instanceId = await active('walks');
  for (const [type, request, taskStates, becomes, guest] of walks) {
    const instance = await fleet.run<Instance>(type, { instanceId, ...request });
    expect([type, instance]).toEqual([type, expect.objectContaining({ ...becomes, taskState: null, operation: null, host: 'power-1' })]);
    expect([type, walked(instance), guestOf(instanceId)]).toEqual([type, taskStates, guest]);
  }
  expect(fleet.hosts.get('power-1')?.interrupted.has(instanceId)).toBe(true);
});

test('a hard reboot runs a guest again whatever state it is in, with its old memory forgotten', async () => {
  const reboots = ['stopInstance', 'pauseInstance', 'suspendInstance'].map(async (type) => {
    const instanceId = await after(await active(`hard-after-${type}`), type);
    return fleet.run<Instance>('rebootInstance', { instanceId, mode: 'hard' });
  });
  for (const { id, vmState, powerState } of await Promise.all(reboots)) {
    expect([vmState, powerState, guestOf(id)]).toEqual(['active', 'running', 'running']);
  }
});

test('a soft reboot of a guest that does not go down in time is a hard one', async () => {
  const instanceId = await active('stubborn-reboot');
  fleet.hosts.get('power-1')?.stubborn.add(instanceId);
  const instance = await fleet.run<Instance>('rebootInstance', { instanceId, mode: 'soft' });
  expect(walked(instance)).toEqual(['rebooting', 'reboot_pending', 'reboot_started', null]);
  expect(guestOf(instanceId)).toBe('running');
});

test('a hard reboot takes a guest over from an operation that hangs, which ends cancelled', async () => {
  const instanceId = await active('hangs');
  const { reached } = fleet.holdAt('pauseGuest');
  const pause = await fleet.start('pauseInstance', { instanceId });
  await reached;
  const reboot = await fleet.start('rebootInstance', { instanceId, mode: 'hard' });
  expect(await endOf(pause)).toMatchObject({ type: 'Canceled' });
  expect(await reboot.result()).toMatchObject({ vmState: 'active', powerState: 'running' });
});

test('a reboot that is cancelled once the guest is down brings it up, and completes', async () => {
  const instanceId = await active('down-and-up');
  const { reached, release } = fleet.holdAt('startPaused');
  const run = await fleet.start('rebootInstance', { instanceId, mode: 'soft' });
  await reached;
  await run.cancel();
  release();
  expect(await run.result()).toMatchObject({ vmState: 'active' });
});

test('a reboot that cannot start the guest again leaves the instance stopped', async () => {
  const instanceId = await active('stays-down');
  fleet.at('startPaused', burns);
  const run = await fleet.start('rebootInstance', { instanceId, mode: 'hard', onFailure: 'rollback' });
  expect(await endOf(run)).toMatchObject({ type: 'OperationFailed', details: { step: 'startPaused' } });
  expect(await recordOf(instanceId)).toMatchObject({ vmState: 'stopped', powerState: 'shutdown', operation: null });
});

test('a record starts by itself what has to follow from what was seen of its guest, once, however often it was seen', async () => {
  const instanceId = await active('seen-off');
  fleet.hosts.get('power-1')?.guests.set(instanceId, 'defined');
  const { generation } = await recordOf(instanceId);
  const seen = { host: 'power-1', generation, sighting: { powerState: 'shutdown', trouble: null }, startsAgain: true };
  const observe = () => fleet.client.workflow.getHandle(`instance/${instanceId}`).executeUpdate('observe', { args: [seen] });
  expect(await observe()).toBe('stopped');
  await observe().catch(() => {}); // refused once the operation has it
  await eventually(async () => ((await recordOf(instanceId)).vmState === 'active' ? true : null));
  expect(guestOf(instanceId)).toBe('running');
  const { recent } = await recordOf(instanceId);
  expect(recent.map(({ type, end }) => [type, end])).toEqual([
    ['buildInstance', 'completed'],
    ['startInstance', 'completed'],
  ]);
});

/** Operations of one step that changes the guest: what the instance is before, and stays when the step fails or is cancelled. */
const undone: readonly [type: string, step: HostStep, before: readonly string[], rests: object][] = [
  ['pauseInstance', 'pauseGuest', [], { vmState: 'active', powerState: 'running' }],
  ['unpauseInstance', 'unpauseGuest', ['pauseInstance'], { vmState: 'paused', powerState: 'paused' }],
  ['suspendInstance', 'saveGuest', [], { vmState: 'active', powerState: 'running' }],
];

describe.each(undone)('%s', (type, step, before, rests) => {
  const prepared = async (name: string) => {
    const instanceId = await active(name);
    for (const operation of before) await after(instanceId, operation);
    return instanceId;
  };

  test('that fails leaves the guest as it was', async () => {
    const instanceId = await prepared(`${type}-fails`);
    fleet.at(step, burns);
    const run = await fleet.start(type, { instanceId, onFailure: 'rollback' });
    expect(await endOf(run)).toMatchObject({ type: 'OperationFailed', details: { step } });
    expect(await recordOf(instanceId)).toMatchObject({ ...rests, operation: null, fault: { type: 'OperationFailed' } });
  });

  test('that is cancelled leaves the guest as it was', async () => {
    const instanceId = await prepared(`${type}-cancelled`);
    expect(await cancelledAt(step, type, { instanceId })).toMatchObject({ type: 'Canceled' });
    expect(await recordOf(instanceId)).toMatchObject({ ...rests, operation: null });
  });
});

test('a guest that ended by itself is found off by what was to pause it, and recorded so', async () => {
  const instanceId = await active('ended');
  fleet.hosts.get('power-1')?.guests.set(instanceId, 'defined');
  const run = await fleet.start('pauseInstance', { instanceId });
  expect(await endOf(run)).toMatchObject({
    type: 'OperationFailed',
    message: expect.stringContaining('the guest is shutdown, not paused'),
  });
  expect(await recordOf(instanceId)).toMatchObject({ vmState: 'stopped', powerState: 'shutdown', operation: null });
});

test('a suspend without room for the memory ends with the guest running', async () => {
  const instanceId = await active('no-room');
  const host = fleet.hosts.get('power-1');
  if (host !== undefined) host.isFull = true;
  const end = await endOf(await fleet.start('suspendInstance', { instanceId }));
  if (host !== undefined) host.isFull = false;
  expect(end).toMatchObject({ type: 'DiskSpaceLow', message: expect.stringContaining('needs 64 MiB') });
  expect(await recordOf(instanceId)).toMatchObject({ vmState: 'active', powerState: 'running', operation: null });
});

test('a resume whose memory cannot be read parks with the instance suspended, and goes on when it can', async () => {
  const instanceId = await after(await active('unreadable'), 'suspendInstance');
  fleet.at('restoreGuest', () => Promise.reject(ApplicationFailure.nonRetryable('the disk is away', 'SavedMemoryUnusable')));
  const run = await fleet.start('resumeInstance', { instanceId });
  expect(await eventually(async () => (await viewOf(run)).parked)).toMatchObject({ step: 'restoreGuest' });
  expect(guestOf(instanceId)).toBe('saved');
  fleet.leaveAlone();
  await run.executeUpdate('retry', { args: [{ reason: 'the disk is back' }] });
  expect(await run.result()).toMatchObject({ vmState: 'active' });
});

test('a guest that does not shut down in time, or is given none, is switched off', async () => {
  const stops = [{ mode: 'clean', timeoutSeconds: 1 }, { mode: 'hard' }, { timeoutSeconds: 0 }].map(async (how) => {
    const instanceId = await active('stubborn');
    fleet.hosts.get('power-1')?.stubborn.add(instanceId);
    return fleet.run<Instance>('stopInstance', { instanceId, ...how });
  });
  for (const { id, vmState, powerState } of await Promise.all(stops)) {
    expect([vmState, powerState, guestOf(id)]).toEqual(['stopped', 'shutdown', 'defined']);
  }
});

test('how long a guest may take to go down is what the request says, else its image, else the configuration', async () => {
  const properties = { os_shutdown_timeout: '0' };
  const { id: image } = await fleet.run<Image>('importImage', { name: 'hasty', source: 'file:fake', diskFormat: 'raw', properties });
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', { ...request('hasty'), image });
  const stepsOfStop = async (how: object) => {
    await fleet.run('stopInstance', { instanceId, ...how });
    return (await recordOf(instanceId)).recent.at(-1)?.steps.map(({ name }) => name);
  };
  expect(await stepsOfStop({})).toEqual(['acceptStop', 'switchGuestOff']);
  await fleet.run('startInstance', { instanceId });
  expect(await stepsOfStop({ timeoutSeconds: 1 })).toEqual(['acceptStop', 'shutDownGuest']);
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

describe.each(['startPaused', 'runGuest'] as const)('a start whose %s', (step) => {
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
