import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { payDebts } from '../../src/activities/debts.ts';
import { choicesIn } from '../../src/cli/temporal/explanations.ts';
import type { Host } from '../../src/model/host.ts';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, type HostStep, leftOvers, resetTo, startFleet, viewOf } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const network = 'reschedule';
const hosts = ['reschedule-1', 'reschedule-2', 'reschedule-3', 'reschedule-4'];

beforeAll(async () => {
  fleet = await startFleet(hosts);
  request = await furnish(fleet, network);
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

const failure = (type: string) => ApplicationFailure.nonRetryable('it does not work here', type, { code: 7 });

/** Fails the step on the first so many hosts that come to it; returns their names as they come. */
function failFirst(step: HostStep, count: number, type = 'DiskOnFire', at: 'before' | 'after' = 'before'): string[] {
  const failed: string[] = [];
  fleet.at(step, async (point, { host }) => {
    if (point !== at || (failed.length >= count && !failed.includes(host))) return;
    if (!failed.includes(host)) failed.push(host);
    throw failure(type);
  });
  return failed;
}

async function choicesOf(run: WorkflowHandle): ReturnType<typeof choicesIn> {
  return choicesIn(await run.fetchHistory(), fleet.client.options.loadedDataConverter);
}

function host(name: string | null | undefined): Promise<Host> {
  return fleet.record<Host>(`host/${name}`);
}

const classes: readonly (readonly [string, HostStep, string])[] = [
  ['whose disk is full', 'createDisks', 'DiskSpaceLow'],
  ['that cannot say which images it has', 'findMissingBases', 'CommandFailed'],
  ['that cannot copy the image', 'fetchBases', 'Error'],
  ['whose image store is gone', 'fetchBases', 'ImageUnusableHere'],
  ['that cannot make a file system', 'createDisks', 'FormatUnusableHere'],
  ['that lacks a device of the image', 'defineDomain', 'ImageUnusableHere'],
  ['whose libvirt refuses the domain', 'defineDomain', 'DomainDefinitionRejected'],
  ['whose QEMU does not start', 'startPaused', 'LibvirtError'],
  ['that never plugs the ports', 'waitForVifs', 'VirtualInterfacePlugTimeout'],
  ['where the guest ends at once', 'runGuest', 'DomainStateConflict'],
];

describe('a build on a host', () => {
  test.each(classes)('%s (%s: %s) goes to the next, which runs the guest', async (_what, step, type) => {
    for (const one of fleet.hosts.values()) one.bases.clear();
    const failed = failFirst(step, 1, type, 'after');
    const instance = await fleet.run<Instance>('buildInstance', request(`next-${step}-${type}`));
    const [first] = failed;
    expect(instance).toMatchObject({ vmState: 'active', fault: null, generation: 2 });
    expect(instance.host).not.toBe(first);
    expect(instance.launchedOn).toBe(instance.host);
    const walk = ['scheduling', null, 'networking', 'block_device_mapping', 'spawning', null];
    const states = instance.taskHistory.map(({ taskState }) => taskState);
    expect(states.slice(states.lastIndexOf('scheduling'))).toEqual(walk);
    expect(states.filter((state) => state === 'scheduling')).toHaveLength(2);
    expect(await leftOvers(fleet, instance.id, network)).toEqual([
      `disks on ${instance.host}`,
      `guest on ${instance.host}`,
      `claim on ${instance.host}`,
      `address in ${network}`,
    ]);
    expect(await host(first)).toMatchObject({ debts: [] });
    expect((await host(first)).failedBuilds).toBeGreaterThan(0);
    expect(await host(instance.host)).toMatchObject({ failedBuilds: 0, claims: expect.not.arrayContaining([{ ioTask: 'building' }]) });
    await fleet.run('deleteInstance', { instanceId: instance.id });
    expect(await leftOvers(fleet, instance.id, network)).toEqual([]);
  });

  test.each(['ImageUnacceptable', 'AddressTaken'])('that fails as %s fails on every host: it ends', async (type) => {
    const failed = failFirst('createDisks', 9, type);
    const run = await fleet.start('buildInstance', request(`ends-${type}`));
    expect(await endOf(run)).toMatchObject({ type: type === 'AddressTaken' ? 'OperationFailed' : type });
    expect(failed).toHaveLength(1);
    expect(await leftOvers(fleet, run.firstExecutionRunId, network)).toEqual([]);
  });

  test('keeps its addresses when it goes to the next', async () => {
    const { reached, release } = fleet.holdAt('createDisks');
    const run = await fleet.start('buildInstance', request('keeps-address'));
    await reached;
    const before = await eventually(async () => {
      const { ports } = await fleet.record<Instance>(`instance/${run.firstExecutionRunId}`);
      return ports.length > 0 ? ports : null;
    });
    failFirst('defineDomain', 1);
    release();
    expect(await run.result()).toMatchObject({ vmState: 'active', ports: before });
    await fleet.run('deleteInstance', { instanceId: run.firstExecutionRunId });
  });
});

test('a build that two hosts fail runs on the third', async () => {
  const failed = failFirst('defineDomain', 2);
  const instance = await fleet.run<Instance>('buildInstance', request('twice'));
  expect(new Set([...failed, instance.host]).size).toBe(3);
  expect(instance).toMatchObject({ vmState: 'active', generation: 3 });
  await fleet.run('deleteInstance', { instanceId: instance.id });
});

test('a build that three hosts fail ends in error with a fault that names them, though a fourth is there', async () => {
  const failed = failFirst('defineDomain', 9);
  const run = await fleet.start('buildInstance', request('exhausted'));
  const end = await endOf(run);
  expect(failed).toHaveLength(3);
  expect(end).toMatchObject({ type: 'OperationFailed', details: { step: 'defineDomain', host: failed[2], code: 7 } });
  const instance = await fleet.record<Instance>(`instance/${run.firstExecutionRunId}`);
  expect(instance).toMatchObject({ vmState: 'error', host: null, ports: [], fault: { type: 'OperationFailed' } });
  expect(instance.fault?.message).toBe(
    `3 hosts were tried: ${failed.map((name) => `${name}: defineDomain: it does not work here`).join('; ')}`,
  );
  for (const name of failed) expect((await host(name)).failedBuilds).toBeGreaterThan(0);
  expect(await leftOvers(fleet, run.firstExecutionRunId, network)).toEqual([]);
});

test('a build whose image none of its hosts can use ends in ImageUnacceptable, which says why each cannot', async () => {
  const failed = failFirst('defineDomain', 9, 'ImageUnusableHere');
  const end = await endOf(await fleet.start('buildInstance', request('unusable')));
  expect(failed).toHaveLength(3);
  const reasons = failed.map((name) => `${name}: defineDomain: it does not work here`).join('; ');
  expect(end).toMatchObject({ type: 'ImageUnacceptable', message: `3 hosts were tried: ${reasons}` });
});

test('a build that finds no other host ends with what happened on the one it had', async () => {
  const companion = await fleet.run<Instance>('buildInstance', request('companion'));
  failFirst('startPaused', 9, 'VirtualInterfacePlugTimeout');
  const run = await fleet.start('buildInstance', { ...request('alone'), hints: { same_host: companion.id } });
  expect(await endOf(run)).toMatchObject({ type: 'VirtualInterfacePlugTimeout', message: 'it does not work here' });
  expect(await leftOvers(fleet, run.firstExecutionRunId, network)).toEqual([]);
  fleet.leaveAlone();
  await fleet.run('deleteInstance', { instanceId: companion.id });
});

test('the history of a build tells how each of its hosts was chosen, and of one that found none why', async () => {
  const failed = failFirst('defineDomain', 1);
  const run = await fleet.start('buildInstance', { ...request('explained'), availabilityZone: 'nowhere' });
  expect(await endOf(run)).toMatchObject({ type: 'NoValidHost' });
  const [none, ...noOther] = await choicesOf(run);
  expect(noOther).toEqual([]);
  expect(none).toMatchObject({ decision: null, wanted: { vcpus: 1, availabilityZone: 'nowhere', extraSpecs: {} }, claims: [] });
  const here = none?.hosts.filter(({ host: name }) => hosts.includes(name));
  expect(here?.map(({ host: name, filter }) => [name, filter]).sort()).toEqual(hosts.map((name) => [name, 'availabilityZone']));

  const built = await fleet.start('buildInstance', request('explained'));
  const instance = (await built.result()) as Instance;
  const [first, second] = await choicesOf(built);
  expect(first).toMatchObject({ turned: [], decision: { winner: failed[0] }, claims: [{ host: failed[0], refusal: null }] });
  expect(second).toMatchObject({
    turned: [{ host: failed[0], filter: 'build', reason: `${failed[0]}: defineDomain: it does not work here` }],
    decision: { winner: instance.host },
    claims: [{ host: instance.host, refusal: null }],
  });
  await fleet.run('deleteInstance', { instanceId: instance.id });
});

test('a build that is cancelled on its second host leaves nothing on either', async () => {
  const failed = failFirst('defineDomain', 1);
  const { reached } = fleet.holdAt('startPaused');
  const run = await fleet.start('buildInstance', request('cancelled'));
  const { host: second } = await reached;
  expect(failed[0]).not.toBe(second);
  await run.cancel();
  expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
  expect(await fleet.record<Instance>(`instance/${run.firstExecutionRunId}`)).toMatchObject({ vmState: 'deleted', host: null });
  expect(await leftOvers(fleet, run.firstExecutionRunId, network)).toEqual([]);
});

test('a build that is cancelled while its first host is cleaned goes to no other', async () => {
  const failed = failFirst('defineDomain', 9);
  const { reached, release } = fleet.holdAt('removeInstance');
  const run = await fleet.start('buildInstance', request('cancelled-between'));
  await reached;
  await run.cancel();
  release();
  expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
  expect(failed).toHaveLength(1);
  expect(await leftOvers(fleet, run.firstExecutionRunId, network)).toEqual([]);
});

test('a build goes on to its second host when the control worker is another one by then', async () => {
  const failed = failFirst('defineDomain', 1);
  const { reached, release } = fleet.holdAt('removeInstance');
  const run = await fleet.start('buildInstance', request('control-restarts'));
  await reached;
  await fleet.restartControl();
  release();
  const instance = (await run.result()) as Instance;
  expect(instance).toMatchObject({ vmState: 'active' });
  expect(instance.host).not.toBe(failed[0]);
  fleet.leaveAlone();
  await fleet.run('deleteInstance', { instanceId: instance.id });
});

test('a build that parks when a step fails stays on its host, and a retry goes on there', async () => {
  const failed = failFirst('defineDomain', 1);
  const run = await fleet.start('buildInstance', { ...request('parks'), onFailure: 'park' });
  expect(await eventually(async () => (await viewOf(run)).parked)).toMatchObject({ step: 'defineDomain', host: failed[0] });
  fleet.leaveAlone();
  await run.executeUpdate('retry', { args: [{ reason: 'mended' }] });
  expect(await run.result()).toMatchObject({ vmState: 'active', host: failed[0] });
  await fleet.run('deleteInstance', { instanceId: run.firstExecutionRunId });
});

test('a build that parks and is rolled back goes to no other host', async () => {
  const failed = failFirst('defineDomain', 9);
  const run = await fleet.start('buildInstance', { ...request('parks-and-ends'), onFailure: 'park' });
  await eventually(async () => (await viewOf(run)).parked);
  await run.executeUpdate('rollback', { args: [{ reason: 'enough' }] });
  expect(await endOf(run)).toMatchObject({ type: 'OperationFailed', details: { host: failed[0] } });
  expect(failed).toHaveLength(1);
  expect(await leftOvers(fleet, run.firstExecutionRunId, network)).toEqual([]);
});

test('a reset of a build that went to its second host is refused, and the guest runs on', async () => {
  const { reached, release } = fleet.holdAt('startPaused');
  failFirst('defineDomain', 1);
  const run = await fleet.start('buildInstance', request('reset-meanwhile'));
  const { host: second } = await reached;
  const again = await resetTo('createDisks', run, fleet);
  expect(await endOf(again)).toMatchObject({ type: 'ResetRefused' });
  release();
  const left = await eventually(async () => {
    const record = await fleet.record<Instance>(`instance/${run.firstExecutionRunId}`);
    return record.operation === null ? record : null;
  });
  expect(left).toMatchObject({ vmState: 'error', host: second, fault: { type: 'Terminated' } });
  fleet.leaveAlone();
  await fleet.run('deleteInstance', { instanceId: left.id });
  expect(await leftOvers(fleet, left.id, network)).toEqual([]);
});

describe('a host whose libvirt is away', () => {
  test('owes the removal, keeps its claim, and pays when it is back; the build runs elsewhere meanwhile', async () => {
    const failed = failFirst('startPaused', 1, 'LibvirtUnreachable', 'after');
    fleet.at('removeInstance', async (_point, { host: name }) => {
      if (name === failed[0]) throw failure('LibvirtUnreachable');
    });
    const instance = await fleet.run<Instance>('buildInstance', request('owed'));
    const [away = ''] = failed;
    expect(instance).toMatchObject({ vmState: 'active' });
    expect(instance.host).not.toBe(away);
    expect(await host(away)).toMatchObject({
      debts: [{ instanceId: instance.id, what: 'remove the instance' }],
      claims: expect.arrayContaining([expect.objectContaining({ id: `debt/${instance.id}`, instanceId: instance.id })]),
    });
    expect(fleet.hosts.get(away)?.guests.get(instance.id)).toBe('paused');

    fleet.leaveAlone();
    await payDebts(fleet.client, away, async ({ instanceId, token }) => {
      expect(token.generation).toBe(instance.generation); // newer than all that its late steps carry
      fleet.hosts.get(away)?.guests.delete(instanceId);
      fleet.hosts.get(away)?.disks.delete(instanceId);
    });
    expect(await host(away)).toMatchObject({ debts: [], claims: [] });
    await fleet.run('deleteInstance', { instanceId: instance.id });
    expect(await leftOvers(fleet, instance.id, network)).toEqual([]);
  });

  test('keeps the build waiting when its guest may run there', async () => {
    const failed = failFirst('runGuest', 1, 'LibvirtUnreachable', 'after');
    fleet.at('removeInstance', async () => {
      throw failure('LibvirtUnreachable');
    });
    const run = await fleet.start('buildInstance', request('may-run'));
    expect(await eventually(async () => (await viewOf(run)).parked)).toMatchObject({ step: 'removeInstance', host: failed[0] });
    fleet.leaveAlone();
    await run.executeUpdate('retry', { args: [{ reason: 'libvirtd runs again' }] });
    const instance = (await run.result()) as Instance;
    expect(instance.host).not.toBe(failed[0]);
    expect(await host(failed[0])).toMatchObject({ debts: [] });
    await fleet.run('deleteInstance', { instanceId: instance.id });
  });
});
