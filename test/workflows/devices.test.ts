import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, leftOvers, type Run, startFleet, viewOf } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const network = 'devices';

// A host whose disks are whole devices: writing an image to one takes long, and so does wiping it.
beforeAll(async () => {
  fleet = await startFleet(['devices-1']);
  request = await furnish(fleet, network);
  for (const host of fleet.hosts.values()) Object.assign(host, { copiesLong: true, isolates: true });
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

test('a whole device is written on the long queue, and wiped there before its instance counts as deleted', async () => {
  const build = await fleet.start('buildInstance', request('whole'));
  const { id } = (await build.result()) as Instance;
  expect(await queueOf('writeDisks', build)).toBe('compute/devices-1/long');
  expect(await leftOvers(fleet, id, network)).toContain('device of devices-1');

  const { reached, release } = fleet.holdAt('wipeDisks');
  const deletion = await fleet.start('deleteInstance', { instanceId: id });
  await reached;
  expect(await fleet.record<Instance>(`instance/${id}`)).toMatchObject({ vmState: 'active', taskState: 'deleting' });
  release();
  expect(await deletion.result()).toMatchObject({ vmState: 'deleted' });
  expect(await queueOf('wipeDisks', deletion)).toBe('compute/devices-1/long');
  expect(await leftOvers(fleet, id, network)).toEqual([]);
});

test('a build that fails wipes the device that it had', async () => {
  fleet.at('defineDomain', () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire')));
  const build = await fleet.start('buildInstance', request('fails'));
  expect(await endOf(build)).toMatchObject({ type: 'OperationFailed', details: { step: 'defineDomain' } });
  expect(await queueOf('wipeDisks', build)).toBe('compute/devices-1/long');
  expect(await leftOvers(fleet, build.firstExecutionRunId, network)).toEqual([]);
});

test('a delete whose device cannot be wiped waits for an operator, and the device is nobody else’s meanwhile', async () => {
  const { id } = await fleet.run<Instance>('buildInstance', request('broken'));
  fleet.at('wipeDisks', () => Promise.reject(ApplicationFailure.nonRetryable('another drive has its path', 'DeviceDiffers')));
  const deletion = await fleet.start('deleteInstance', { instanceId: id });
  expect(await eventually(async () => (await viewOf(deletion)).parked)).toMatchObject({ step: 'wipeDisks', host: 'devices-1' });
  expect(await leftOvers(fleet, id, network)).toContain('device of devices-1');
  fleet.leaveAlone();
  await deletion.executeUpdate('retry', { args: [{ reason: 'the drive is back in its place' }] });
  await deletion.result();
  expect(await leftOvers(fleet, id, network)).toEqual([]);
});

async function queueOf(step: string, run: Run): Promise<string | null | undefined> {
  const { events } = await run.fetchHistory();
  const scheduled = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: attributes }) => attributes ?? []);
  return scheduled.find(({ activityType }) => activityType?.name === step)?.taskQueue?.name;
}
