import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import type { Network } from '../../src/model/network.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, type HostStep, leftOvers, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const network = 'build';
const hostSteps: readonly HostStep[] = ['createDisks', 'defineDomain', 'startPaused', 'waitForVifs', 'runGuest'];

beforeAll(async () => {
  fleet = await startFleet(['build-1', 'build-2']);
  request = await furnish(fleet, network);
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

test('a build walks the task states of Nova and ends active on the host that runs it', async () => {
  const instance = await fleet.run<Instance>('buildInstance', request('walks'));
  expect(instance).toMatchObject({ vmState: 'active', taskState: null, powerState: 'running', fault: null, operation: null });
  expect(instance.taskHistory.map(({ taskState }) => taskState)).toEqual([
    'scheduling',
    null,
    'networking',
    'block_device_mapping',
    'spawning',
    null,
  ]);
  expect(instance.host).toBe(instance.launchedOn);
  expect(fleet.hosts.get(instance.host ?? '')?.guests.get(instance.id)).toBe('running');
});

test('a build has the ephemeral disks and the swap of its flavor, or those that it names', async () => {
  const flavor = { name: 'roomy', vcpus: 1, memoryMiB: 64, rootGiB: 1, ephemeralGiB: 3, swapMiB: 512 };
  const disksOf = async (name: string, blockDevices: object[]) =>
    (await fleet.run<Instance>('buildInstance', { ...request(name), flavor, blockDevices })).disks.map(
      (disk) => `${disk.name} ${disk.target}`,
    );
  expect(await disksOf('roomy', [])).toEqual(['disk vda', 'disk.local vdb', 'disk.swap vdc']);
  const blank = { source: 'blank', destination: 'local' };
  expect(
    await disksOf('named', [
      { ...blank, sizeGiB: 1 },
      { ...blank, sizeGiB: 2, guestFormat: 'xfs' },
    ]),
  ).toEqual(['disk vda', 'disk.eph0 vdb', 'disk.eph1 vdc', 'disk.swap vdd']);
});

test('a build has its addresses while its image is still on its way to the host', async () => {
  for (const host of fleet.hosts.values()) host.bases.clear();
  const { reached, release } = fleet.holdAt('fetchBases');
  const run = await fleet.start('buildInstance', request('beside'));
  await reached;
  const port = await eventually(async () => {
    const { ports } = await fleet.record<Network>(`network/${network}`);
    return ports.find(({ owner }) => owner === run.firstExecutionRunId) ?? null;
  });
  release();
  expect(await run.result()).toMatchObject({ vmState: 'active', ports: [{ ip: port.ip }] });
});

test('a build with a disk of a format that nobody makes is refused at once, and nothing is made', async () => {
  const blockDevices = [{ source: 'blank', destination: 'local', sizeGiB: 1, guestFormat: 'reiserfs' }];
  const run = await fleet.start('buildInstance', { ...request('odd'), blockDevices });
  expect(await endOf(run)).toMatchObject({ type: 'InvalidBdmFormat', message: expect.stringContaining('blockDevices[0].guestFormat') });
  await expect(fleet.record(`instance/${run.firstExecutionRunId}`)).rejects.toThrow();
});

describe.each(hostSteps)('a build whose %s', (step) => {
  test.each(['before', 'after'] as const)('fails %s its effect ends in error and leaves nothing', async (point) => {
    fleet.at(step, async (at) => {
      if (at === point) throw ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire', { code: 7 });
    });
    const run = await fleet.start('buildInstance', request(`fails-${step}`));
    const end = await endOf(run);
    expect(end).toMatchObject({ type: 'OperationFailed', details: { step, code: 7 } });
    const [instance] = await instancesNamed(`fails-${step}`);
    expect(instance).toMatchObject({ vmState: 'error', host: null, operation: null, fault: { type: 'OperationFailed' } });
    expect(await leftOvers(fleet, instance?.id ?? '', network)).toEqual([]);
    await fleet.run('deleteInstance', { instanceId: instance?.id });
  });

  test('is cancelled ends Canceled, deletes its record and leaves nothing', async () => {
    const { reached } = fleet.holdAt(step);
    const run = await fleet.start('buildInstance', request(`cancelled-${step}`));
    const { instanceId } = await reached;
    await run.cancel();
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    const id = instanceId ?? run.firstExecutionRunId;
    expect(await fleet.record<Instance>(`instance/${id}`)).toMatchObject({ vmState: 'deleted', operation: null, host: null });
    expect(await leftOvers(fleet, id, network)).toEqual([]);
  });

  test('is terminated frees the record, and a delete leaves nothing', async () => {
    const { reached } = fleet.holdAt(step);
    const run = await fleet.start('buildInstance', request(`terminated-${step}`));
    const { instanceId } = await reached;
    const id = instanceId ?? run.firstExecutionRunId;
    await run.terminate('by the test');
    const freed = await eventually(async () => {
      const instance = await fleet.record<Instance>(`instance/${id}`);
      return instance.operation === null ? instance : null;
    });
    expect(freed).toMatchObject({ vmState: 'error', fault: { type: 'Terminated' } });
    expect(await fleet.run('deleteInstance', { instanceId: id })).toMatchObject({ vmState: 'deleted' });
    expect(await leftOvers(fleet, id, network)).toEqual([]);
  });
});

async function instancesNamed(name: string): Promise<Instance[]> {
  const found: Instance[] = [];
  for await (const { workflowId } of fleet.client.workflow.list({
    query: `WorkflowType = 'instance' AND ObjectName = '${name}' AND ExecutionStatus = 'Running'`,
  })) {
    found.push(await fleet.record<Instance>(workflowId));
  }
  return found;
}
