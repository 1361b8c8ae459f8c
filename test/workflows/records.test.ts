import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import proto from '@temporalio/proto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../src/model/host.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { Network } from '../../src/model/network.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, leftOvers, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const network = 'records';

beforeAll(async () => {
  fleet = await startFleet(['records-1', 'records-2']);
  request = await furnish(fleet, network);
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

const handle = (id: string) => fleet.client.workflow.getHandle(id);

test('a second delete is refused: while the first runs as busy, afterwards as not found', async () => {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('deleted-twice'));
  const { reached, release } = fleet.holdAt('removeInstance');
  const first = await fleet.start('deleteInstance', { instanceId });
  await reached;
  expect(await endOf(await fleet.start('deleteInstance', { instanceId }))).toMatchObject({
    type: 'InstanceBusy',
    details: { operation: { type: 'deleteInstance', workflowId: first.workflowId } },
  });
  release();
  expect(await first.result()).toMatchObject({ vmState: 'deleted', host: null });
  expect(await endOf(await fleet.start('deleteInstance', { instanceId }))).toMatchObject({ type: 'InstanceNotFound' });
  expect(await endOf(await fleet.start('deleteInstance', { instanceId: randomUUID() }))).toMatchObject({ type: 'InstanceNotFound' });
});

test('a delete that was terminated may be repeated', async () => {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('delete-terminated'));
  const { reached } = fleet.holdAt('removeInstance');
  const first = await fleet.start('deleteInstance', { instanceId });
  await reached;
  await first.terminate();
  fleet.leaveAlone();
  await eventually(async () => ((await fleet.record<Instance>(`instance/${instanceId}`)).operation === null ? true : null));
  expect(await fleet.run('deleteInstance', { instanceId })).toMatchObject({ vmState: 'deleted' });
  expect(await leftOvers(fleet, instanceId, network)).toEqual([]);
});

test('a delete takes an instance from its build, which undoes, and both end as they should', async () => {
  const { reached } = fleet.holdAt('createDisks');
  const build = await fleet.start('buildInstance', request('taken-over'));
  await reached;
  const instanceId = build.firstExecutionRunId;
  expect(await fleet.run('deleteInstance', { instanceId })).toMatchObject({ id: instanceId, vmState: 'deleted' });
  expect(await endOf(build)).toMatchObject({ type: 'Canceled' });
  expect(await leftOvers(fleet, instanceId, network)).toEqual([]);
});

test('an instance of an id that exists, or existed, is refused', async () => {
  const instanceId = randomUUID();
  await fleet.run('buildInstance', { ...request('first'), instanceId });
  expect(await endOf(await fleet.start('buildInstance', { ...request('second'), instanceId }))).toMatchObject({ type: 'InstanceExists' });
  await fleet.run('deleteInstance', { instanceId });
  expect(await endOf(await fleet.start('buildInstance', { ...request('third'), instanceId }))).toMatchObject({ type: 'InstanceExists' });
});

test('records that continue as new are listed and used as before', async () => {
  const instance = await fleet.run<Instance>('buildInstance', request('renewed'));
  const ids = [`instance/${instance.id}`, `image/${instance.image}`, `network/${network}`, 'host/records-1', 'host/records-2'];
  const rowOf = async (id: string) => {
    for await (const { memo, searchAttributes, runId } of fleet.client.workflow.list({
      query: `WorkflowId = '${id}' AND ExecutionStatus = 'Running'`,
    })) {
      const { BuildIds: _itsWorkers, ...attributes } = searchAttributes;
      return { memo, attributes, runId };
    }
    return null;
  };
  for (const id of ids) {
    const before = await rowOf(id);
    await handle(id).executeUpdate('renew');
    const after = await eventually(async () => {
      const row = await rowOf(id);
      return row === null || row.runId === before?.runId ? null : row;
    });
    expect({ id, ...after, runId: '' }).toEqual({ id, ...before, runId: '' });
  }
  expect(await fleet.run('buildInstance', request('after-renewal'))).toMatchObject({ vmState: 'active' });
  expect(await fleet.run('deleteInstance', { instanceId: instance.id })).toMatchObject({ vmState: 'deleted' });
});

test('the answer to a renewal is on record before the workflow task that ends the run', async () => {
  const record = handle('host/records-2');
  const { runId } = await record.describe();
  await record.executeUpdate('renew');
  await eventually(async () => ((await record.describe()).runId === runId ? null : true));
  const { events } = await fleet.client.workflow.getHandle('host/records-2', runId).fetchHistory();
  const types = (events ?? []).map(({ eventType }) => eventType);
  const { EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: answered, EVENT_TYPE_WORKFLOW_TASK_COMPLETED: decided } =
    proto.temporal.api.enums.v1.EventType;
  expect(types.slice(types.lastIndexOf(answered))).toContain(decided);
});

test('eight writers on one record each get addresses of their own', async () => {
  const owners = Array.from({ length: 8 }, () => randomUUID());
  const waits = await Promise.all(
    owners.map(async (owner, writer) => {
      let longestMs = 0;
      for (let turn = 0; turn < 20; turn += 1) {
        const started = performance.now();
        const id = randomUUID();
        await handle(`network/${network}`).executeUpdate('allocate', {
          args: [{ id, owner, mac: `fa:16:3e:00:${writer}0:${10 + turn}`, generation: turn }],
        });
        longestMs = Math.max(longestMs, performance.now() - started);
      }
      return longestMs;
    }),
  );
  console.info(`longest wait: ${Math.round(Math.max(...waits))} ms`);
  const { ports } = await fleet.record<Network>(`network/${network}`);
  expect(new Set(ports.map(({ ip }) => ip)).size).toBe(ports.length);
  for (const owner of owners) await handle(`network/${network}`).executeUpdate('release', { args: [{ owner, generation: 100 }] });
});

test('what an operation gave back is not taken by an attempt of it that arrives late', async () => {
  const instanceId = randomUUID();
  const claim = { id: instanceId, instanceId, generation: 1, vcpus: 1, memoryMiB: 1, diskGiB: 1 };
  await handle('host/records-1').executeUpdate('release', { args: [{ instanceId, generation: 1 }] });
  await expect(handle('host/records-1').executeUpdate('claim', { args: [claim] })).rejects.toMatchObject({ cause: { type: 'StaleToken' } });
  await handle('host/records-1').executeUpdate('claim', { args: [{ ...claim, generation: 2 }] });
  await handle('host/records-1').executeUpdate('release', { args: [{ instanceId, generation: 2 }] });

  const port = { id: randomUUID(), owner: instanceId, mac: 'fa:16:3e:00:00:01', generation: 1 };
  await handle(`network/${network}`).executeUpdate('release', { args: [{ owner: instanceId, generation: 1 }] });
  await expect(handle(`network/${network}`).executeUpdate('allocate', { args: [port] })).rejects.toMatchObject({
    cause: { type: 'StaleToken' },
  });
});

test('a claim counts once however often it is made', async () => {
  const instanceId = randomUUID();
  const claim = { id: instanceId, instanceId, generation: 1, vcpus: 3, memoryMiB: 1, diskGiB: 1 };
  const before = await fleet.record<Host>('host/records-2');
  for (let turn = 0; turn < 3; turn += 1) await handle('host/records-2').executeUpdate('claim', { args: [claim] });
  expect((await fleet.record<Host>('host/records-2')).free.vcpus).toBe(before.free.vcpus - 3);
  await handle('host/records-2').executeUpdate('release', { args: [{ instanceId, generation: 1 }] });
});

test('a disabled host gets no instance, and an enabled one does again', async () => {
  await fleet.run('disableHost', { host: 'records-1', reason: 'new disks' });
  expect(await fleet.run('disableHost', { host: 'records-2' })).toMatchObject({ enabled: false, disabledReason: null });
  const refused = await endOf(await fleet.start('buildInstance', request('nowhere')));
  // The message names five hosts, and other files leave theirs on this server.
  const disabled = { host: 'records-1', reason: expect.stringContaining('new disks') };
  expect(refused).toMatchObject({ type: 'NoValidHost', details: { hosts: expect.arrayContaining([expect.objectContaining(disabled)]) } });
  await fleet.run('enableHost', { host: 'records-1' });
  await fleet.run('enableHost', { host: 'records-2' });
  expect(await fleet.run('buildInstance', request('somewhere'))).toMatchObject({ vmState: 'active' });
  expect(await endOf(await fleet.start('enableHost', { host: 'records-9' }))).toMatchObject({ type: 'HostNotFound' });
});

test('an import that fails or is cancelled leaves a killed record and no file', async () => {
  fleet.at('storeImage', () => Promise.reject(ApplicationFailure.nonRetryable('it is a picture of a cat', 'ImageUnacceptable')));
  const failed = await fleet.start('importImage', { name: 'cat', source: 'file:cat', diskFormat: 'qcow2' });
  expect(await endOf(failed)).toMatchObject({ type: 'ImageUnacceptable', message: 'it is a picture of a cat' });
  expect(await fleet.record(`image/${failed.firstExecutionRunId}`)).toMatchObject({ status: 'killed', checksum: null });

  const { reached } = fleet.holdAt('storeImage');
  const cancelled = await fleet.start('importImage', { name: 'dog', source: 'file:dog', diskFormat: 'raw' });
  await reached;
  await cancelled.cancel();
  expect(await endOf(cancelled)).toMatchObject({ type: 'Canceled' });
  expect(await fleet.record(`image/${cancelled.firstExecutionRunId}`)).toMatchObject({ status: 'killed' });
  for (const { images } of fleet.hosts.values()) expect(images).not.toContain(cancelled.firstExecutionRunId);
});

test('a terminated import leaves a killed record', async () => {
  const { reached } = fleet.holdAt('storeImage');
  const run = await fleet.start('importImage', { name: 'bird', source: 'file:bird', diskFormat: 'raw' });
  await reached;
  await run.terminate();
  const id = `image/${run.firstExecutionRunId}`;
  await eventually(async () => ((await fleet.record<{ status: string }>(id)).status === 'killed' ? true : null));
});

test('a build that does not let go in time loses its instance to the delete, and can do nothing any more', async () => {
  const forever = Promise.withResolvers<void>();
  fleet.at('createDisks', async (point) => (point === 'before' ? forever.promise : undefined));
  const build = await fleet.start('buildInstance', request('stubborn'));
  const instanceId = build.firstExecutionRunId;
  await eventually(async () => ((await build.query<{ step: string }>('operation')).step === 'createDisks' ? true : null));
  expect(await fleet.run('deleteInstance', { instanceId })).toMatchObject({ vmState: 'deleted', generation: 2 });
  forever.resolve();
  expect(await endOf(build)).toMatchObject({ type: 'Canceled' });
  expect(await fleet.record<Instance>(`instance/${instanceId}`)).toMatchObject({
    vmState: 'deleted',
    recent: [{ type: 'buildInstance', end: 'terminated', failure: { type: 'TakenOver' } }, { type: 'deleteInstance' }],
  });
}, 90_000);

test('a delete that was cancelled in time leaves the instance as it was, and a later one leaves nothing', async () => {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('delete-cancelled'));
  const run = await fleet.start('deleteInstance', { instanceId });
  await run.cancel();
  const end = await endOf(run);
  if (end !== null) {
    expect(end).toMatchObject({ type: 'Canceled' });
    expect(await fleet.record<Instance>(`instance/${instanceId}`)).toMatchObject({ vmState: 'active', operation: null });
    await fleet.run('deleteInstance', { instanceId });
  }
  expect(await leftOvers(fleet, instanceId, network)).toEqual([]);
});
