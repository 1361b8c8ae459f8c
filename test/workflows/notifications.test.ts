import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { firstOfEach, type Receiver, settingsFor, startReceiver } from '../notifications/receiver.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, startFleet } from './fleet.ts';

let receiver: Receiver;
let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;

beforeAll(async () => {
  receiver = await startReceiver();
  fleet = await startFleet(['notify-1'], {}, undefined, { settings: settingsFor(receiver) });
  request = await furnish(fleet, 'notify');
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});
afterEach(() => {
  fleet.leaveAlone();
  receiver.always('take');
});

const eventsOf = (id: string) => receiver.events.filter(({ subject }) => subject === `instance/${id}`);
const typesOf = (id: string) => firstOfEach(eventsOf(id)).map(({ type }) => type);
/** The events of an instance once this one is among them. */
const untilSaid = (id: string, type: string) => eventually(() => (typesOf(id).includes(type) ? typesOf(id) : null));

test('a build tells its start, every change of its states, and its end, in order', async () => {
  const { id } = await fleet.run<Instance>('buildInstance', request('told'));
  expect(await untilSaid(id, 'compute.instance.create.end')).toEqual([
    'compute.instance.create.start',
    ...Array(6).fill('compute.instance.update'),
    'compute.instance.create.end',
  ]);
  expect(eventsOf(id).map(({ id: eventId }) => eventId)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((number) => `${id}/${number}`));
});

test('a build that fails tells the error and why', async () => {
  fleet.at('defineDomain', () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire')));
  const run = await fleet.start('buildInstance', request('fails'));
  await endOf(run);
  await untilSaid(run.firstExecutionRunId, 'compute.instance.create.error');
  expect(eventsOf(run.firstExecutionRunId).at(-1)?.data).toMatchObject({
    failure: { type: 'OperationFailed', message: 'defineDomain: the disk burns' },
    instance: { vmState: 'error' },
  });
});

test('the record of a deleted instance ends when all is told', async () => {
  const { id } = await fleet.run<Instance>('buildInstance', request('deleted'));
  receiver.always(500);
  await fleet.run('deleteInstance', { instanceId: id });
  const record = fleet.client.workflow.getHandle(`instance/${id}`);
  expect((await record.describe()).status.name).toBe('RUNNING');
  expect(await endOf(await fleet.start('deleteInstance', { instanceId: id }))).toMatchObject({ type: 'InstanceNotFound' });
  receiver.always('take');
  expect(await untilSaid(id, 'compute.instance.delete.end')).toContain('compute.instance.delete.start');
  expect(await record.result()).toMatchObject({ vmState: 'deleted' });
});
