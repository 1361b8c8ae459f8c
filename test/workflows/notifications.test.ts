import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { notification } from '../../src/schema/notification.ts';
import { type Behaviour, firstOfEach, type Receiver, startReceiver } from '../notifications/receiver.ts';
import { type ControlProcess, startControlProcess } from './control-process.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, startFleet } from './fleet.ts';

let receiver: Receiver;
let control: ControlProcess;
let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;

const startControl = async () => {
  control = await startControlProcess({
    NOVAFLOW_NOTIFICATIONS_NOTIFY_ON_STATE_CHANGE: 'vm_and_task_state',
    NOVAFLOW_ALLOW_RESIZE_TO_SAME_HOST: 'true',
    NOVAFLOW_NOTIFICATIONS_LOG: 'true',
    NOVAFLOW_NOTIFICATIONS_WEBHOOK_URL: receiver.url,
    NOVAFLOW_NOTIFICATIONS_WEBHOOK_SECRET: receiver.secret,
    NOVAFLOW_NOTIFICATIONS_WEBHOOK_TIMEOUT_SECONDS: '1',
    NOVAFLOW_NOTIFICATIONS_GIVE_UP_AFTER_SECONDS: '60',
  });
};

beforeAll(async () => {
  receiver = await startReceiver();
  await startControl();
  fleet = await startFleet(['notify-1'], {}, undefined, { hasControl: false });
  request = await furnish(fleet, 'notify');
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await control?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
});
afterEach(() => {
  fleet.leaveAlone();
  receiver.always('take');
});

const eventsOf = (id: string) => receiver.events.filter(({ subject }) => subject === `instance/${id}`);
const typesOf = (id: string) => firstOfEach(eventsOf(id)).map(({ type }) => type);
const numbersOf = (id: string) => firstOfEach(eventsOf(id)).map(({ data }) => data?.sequence);
/** The events of an instance once this one is among them. */
const untilSaid = (id: string, type: string) => eventually(() => (typesOf(id).includes(type) ? typesOf(id) : null));
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

const aBuild = ['compute.instance.create.start', ...Array(6).fill('compute.instance.update'), 'compute.instance.create.end'];
const aDelete = ['compute.instance.delete.start', ...Array(2).fill('compute.instance.update'), 'compute.instance.delete.end'];

test('a build tells its start, at least four changes of its states, and its end, as the schema says', async () => {
  const { id } = await fleet.run<Instance>('buildInstance', { ...request('told'), metadata: { token: 'canary' }, publicKeys: [canaryKey] });
  expect(await untilSaid(id, 'compute.instance.create.end')).toEqual(aBuild);
  expect(eventsOf(id).map(({ id: eventId }) => eventId)).toEqual(upTo(8).map((number) => `${id}/${number}`));
  const sent = eventsOf(id).map((event) => JSON.parse(event.toString()) as object);
  expect(sent.flatMap((event) => notification.safeParse(event).error?.issues ?? [])).toEqual([]);
});

test('a snapshot tells its start, the states it goes through, and its end or its error, by the names of Nova', async () => {
  const { id } = await fleet.run<Instance>('buildInstance', request('shot'));
  await fleet.run('snapshotInstance', { instanceId: id, name: 'shot', mode: 'cold' });
  const told = (await untilSaid(id, 'compute.instance.snapshot.end')).slice(aBuild.length);
  expect(told).toEqual(['compute.instance.snapshot.start', ...Array(5).fill('compute.instance.update'), 'compute.instance.snapshot.end']);
  fleet.at('uploadSnapshot', () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire')));
  await endOf(await fleet.start('snapshotInstance', { instanceId: id, name: 'shot', mode: 'cold' }));
  expect(await untilSaid(id, 'compute.instance.snapshot.error')).toContain('compute.instance.snapshot.error');
});

test('a resize tells its three stages, then how it was decided, with each change of its states, by the names of Nova', async () => {
  const events = (...names: readonly string[]) => names.map((name) => `compute.instance.${name}`);
  const update = 'update';
  const resize = events(
    ...['resize.prep.start', update, update, 'resize.prep.end', 'resize.start', update, 'resize.end'],
    ...[update, 'finish_resize.start', update, 'finish_resize.end'],
  );
  const flavor = { name: 'large', vcpus: 2, memoryMiB: 256, rootGiB: 2 };
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('resized'));
  const until = async (last: string) => (await untilSaid(instanceId, `compute.instance.${last}`)).slice(aBuild.length);

  const taken = await fleet.start('resizeInstance', { instanceId, flavor });
  expect(await until('finish_resize.end')).toEqual(resize);
  await taken.executeUpdate('revert');
  const reverted = events('resize.revert.start', update, update, 'resize.revert.end');
  expect(await until('resize.revert.end')).toEqual([...resize, ...reverted]);

  const kept = await fleet.start('resizeInstance', { instanceId, flavor });
  await eventually(() => (typesOf(instanceId).filter((type) => type.endsWith('finish_resize.end')).length === 2 ? true : null));
  await kept.executeUpdate('confirm');
  expect(await until('resize.confirm.end')).toEqual([
    ...[...resize, ...reverted, ...resize],
    ...events('resize.confirm.start', update, 'resize.confirm.end'),
  ]);
  expect(numbersOf(instanceId)).toEqual(upTo(aBuild.length + 29));
});

const canaryKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHJlYWRlcnMtb2YtdGhpcy1tdXN0LW5vdC1zZWUtaXQ canary';

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

test.each<[what: string, behaviours: readonly Behaviour[]]>([
  ['answers 500 and then 302', [500, 302]],
  ['answers nothing in time', ['hang']],
  ['breaks the connection', ['break']],
  ['takes an event and dies before it says so', ['take', 'take and break']],
])('a receiver that %s gets everything, in order, and no build waits for it', async (_what, behaviours) => {
  receiver.willDo(...behaviours);
  const at = performance.now();
  const { id } = await fleet.run<Instance>('buildInstance', request('again'));
  console.info(`built in ${Math.round(performance.now() - at)} ms`);
  expect(await untilSaid(id, 'compute.instance.create.end')).toEqual(aBuild);
  expect(numbersOf(id)).toEqual(upTo(8));
});

test('a control worker that is killed while it sends loses nothing', async () => {
  receiver.willDo('take', 'take', 'hang');
  const { id } = await fleet.run<Instance>('buildInstance', request('killed'));
  await eventually(() => (eventsOf(id).length >= 2 ? true : null));
  await control.kill();
  await startControl();
  await untilSaid(id, 'compute.instance.create.end');
  expect(typesOf(id)).toEqual(aBuild);
  expect(numbersOf(id)).toEqual(upTo(8));
});

test('a record that continues as new takes along what it has still to tell', async () => {
  receiver.always(500);
  const { id } = await fleet.run<Instance>('buildInstance', request('renewed'));
  const record = fleet.client.workflow.getHandle(`instance/${id}`);
  const { runId } = await record.describe();
  await record.executeUpdate('renew');
  await eventually(async () => ((await record.describe()).runId === runId ? null : true));
  expect(typesOf(id)).toEqual([]);
  receiver.always('take');
  await fleet.run('deleteInstance', { instanceId: id });
  expect(await untilSaid(id, 'compute.instance.delete.end')).toEqual([...aBuild, ...aDelete]);
  expect(numbersOf(id)).toEqual(upTo(12));
});

test('a sink that is away holds up neither operations nor another sink, and the record of a deleted instance ends when all is told', async () => {
  const { id } = await fleet.run<Instance>('buildInstance', request('deleted'));
  await untilSaid(id, 'compute.instance.create.end');
  receiver.always(500);
  await fleet.run('deleteInstance', { instanceId: id });
  await eventually(() => (loggedOf(id).includes('compute.instance.delete.end') ? true : null));
  expect(typesOf(id)).toEqual(aBuild);

  const record = fleet.client.workflow.getHandle(`instance/${id}`);
  expect((await record.describe()).status.name).toBe('RUNNING');
  expect(await endOf(await fleet.start('deleteInstance', { instanceId: id }))).toMatchObject({ type: 'InstanceNotFound' });
  expect(await endOf(await fleet.start('buildInstance', { ...request('again'), instanceId: id }))).toMatchObject({
    type: 'InstanceExists',
  });
  receiver.always('take');
  expect(await untilSaid(id, 'compute.instance.delete.end')).toEqual([...aBuild, ...aDelete]);
  expect(await record.result()).toMatchObject({ vmState: 'deleted' });
});

test('a record that was told all rests without a command, and tells on after that', async () => {
  const { id } = await fleet.run<Instance>('buildInstance', request('rests'));
  await untilSaid(id, 'compute.instance.create.end');
  const record = fleet.client.workflow.getHandle(`instance/${id}`);
  const { runId } = await record.describe();
  await record.executeUpdate('renew');
  const rested = await eventually(async () => {
    const seen = await record.describe();
    return seen.runId !== runId && seen.historyLength >= 4 ? seen : null;
  });
  expect(rested.historyLength).toBe(4);
  await fleet.run('deleteInstance', { instanceId: id });
  await untilSaid(id, 'compute.instance.delete.end');
  expect(numbersOf(id)).toEqual(upTo(12));
});

test('no secret is in what was told', () => {
  const told = JSON.stringify([receiver.events, control.log]);
  expect(told).toContain('compute.instance.create.end');
  for (const secret of ['canary', receiver.secret]) expect(told).not.toContain(secret);
});

/** The types of an instance's events in the control worker's log. */
function loggedOf(id: string): readonly string[] {
  const events = control.log.flatMap(({ event }) => (event as { subject?: string; type: string } | undefined) ?? []);
  return events.filter(({ subject }) => subject === `instance/${id}`).map(({ type }) => type);
}
