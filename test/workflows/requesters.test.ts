import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contextInterceptor, dataConverter } from '../../src/client.ts';
import type { RequestContext } from '../../src/context.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { type ControlProcess, startControlProcess } from './control-process.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, startFleet } from './fleet.ts';

let control: ControlProcess;
let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;

const ada: RequestContext = { userId: 'ada', projectId: 'engine', roles: ['member'], requestId: 'req-ada', isAdmin: false };
const eve: RequestContext = { ...ada, userId: 'eve', projectId: 'loom', requestId: 'req-eve' };
const operator: RequestContext = { ...eve, userId: 'op', projectId: 'ops', requestId: 'req-op', isAdmin: true };

beforeAll(async () => {
  control = await startControlProcess({ NOVAFLOW_LOG_LEVEL: 'debug', NOVAFLOW_NOTIFICATIONS_LOG: 'true' });
  fleet = await startFleet(['requesters-1'], {}, undefined, { hasControl: false });
  request = await furnish(fleet, 'requesters');
});
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await control?.[Symbol.asyncDispose]();
});

function as(context: RequestContext, type: string, asked: object) {
  const { connection, options } = fleet.client;
  const client = new Client({
    connection,
    namespace: options.namespace,
    dataConverter,
    interceptors: { workflow: [contextInterceptor(context)] },
  });
  return client.workflow.start(type, { workflowId: `${context.userId}/${randomUUID()}`, taskQueue: controlQueue, args: [asked] });
}

test('an instance belongs to the project of who built it, and its record tells by whom and by which request', async () => {
  const built = (await (await as(ada, 'buildInstance', request('owned'))).result()) as Instance;
  expect(built).toMatchObject({ userId: 'ada', projectId: 'engine', recent: [{ userId: 'ada', requestId: 'req-ada' }] });
});

test.each([
  ['deleteInstance', {}],
  ['stopInstance', {}],
  ['getConsoleOutput', {}],
  ['snapshotInstance', { name: 'mine' }],
  ['backupInstance', { name: 'mine', backupType: 'daily', rotation: 1 }],
])('%s of an instance of another project ends as if it were not there; an administrator may', async (type, how) => {
  const { id: instanceId } = (await (await as(ada, 'buildInstance', request(`others-${type}`))).result()) as Instance;
  const foreign = await endOf(await as(eve, type, { ...how, instanceId }));
  const missing = await endOf(await as(eve, type, { ...how, instanceId: missingId }));
  expect(foreign).toMatchObject({ type: 'InstanceNotFound', message: missing?.message.replace(missingId, instanceId) });
  expect(await fleet.record<Instance>(`instance/${instanceId}`)).toMatchObject({ vmState: 'active', generation: 1 });
  expect(await endOf(await as(operator, type, { ...how, instanceId }))).toBeNull();
});

const missingId = randomUUID();
const startLines: readonly unknown[] = ['Activity started', 'Workflow started'];

test.each([
  ['importImage', { name: 'mine', source: 'file:x', diskFormat: 'raw', host: 'requesters-1' }, 'host'],
  ['createNetwork', { name: 'mine', cidr: '10.9.0.0/24', bridge: 'br-test' }, 'novaflow-context.isAdmin'],
  ['disableHost', { host: 'requesters-1' }, 'novaflow-context.isAdmin'],
  ['verify', {}, 'novaflow-context.isAdmin'],
])('%s with %j by who is no administrator is forbidden, naming %s', async (type, asked, field) => {
  expect(await endOf(await as(ada, type, asked))).toMatchObject({ type: 'Forbidden', details: { fields: [{ field }] } });
});

test('a run shows in the UI who asked: in its details from the first step on, in its memo, and its project in lists', async () => {
  const run = await as(ada, 'buildInstance', request('shown'));
  await run.result();
  const { currentDetails } = await run.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  expect(currentDetails).toContain('asked for by ada of project engine, request req-ada');
  expect((await run.describe()).memo).toMatchObject({ userId: 'ada', requestId: 'req-ada' });
  const listed = await eventually(async () => {
    for await (const { workflowId } of fleet.client.workflow.list({ query: `ProjectId = 'engine' AND WorkflowId = '${run.workflowId}'` })) {
      return workflowId;
    }
    return null;
  });
  expect(listed).toBe(run.workflowId);
});

test('a run that holds nothing shows it too', async () => {
  const run = await as(operator, 'verify', { hosts: ['requesters-1'] });
  await run.result();
  const { currentDetails } = await run.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  expect(currentDetails).toBe('asked for by op, an administrator, of project ops, request req-op');
});

test('every log line of its workflow and activities tells the request, and so do its notifications', async () => {
  const context = { ...ada, requestId: `req-${randomUUID()}` };
  const run = await as(context, 'buildInstance', request('logged'));
  const { id } = (await run.result()) as Instance;
  const lines = await eventually(() => {
    // The SDK's own lines at the start of a run and of an activity are written before its header is read.
    const said = control.log.filter(({ operation, msg }) => operation === run.workflowId && !startLines.includes(msg));
    return said.some(({ msg }) => msg === 'Workflow completed') ? said : null;
  });
  const whose = { requestId: context.requestId, userId: 'ada', projectId: 'engine' };
  expect(lines.length).toBeGreaterThan(5);
  expect(
    lines.filter(({ requestId, userId, projectId }) => requestId !== whose.requestId || userId !== 'ada' || projectId !== 'engine'),
  ).toEqual([]);
  const told = await eventually(() => {
    const events = control.log.flatMap(({ event }) => (event as { subject?: string; data: { operation: object } } | undefined) ?? []);
    const ours = events.filter(({ subject }) => subject === `instance/${id}`);
    return ours.length >= 2 ? ours : null;
  });
  expect(told.map(({ data }) => data.operation)).toMatchObject([
    { requestId: context.requestId, userId: 'ada' },
    { requestId: context.requestId },
  ]);
});
