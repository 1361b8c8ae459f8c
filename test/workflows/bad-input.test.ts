import { randomUUID } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { controlQueue } from '../../src/model/queues.ts';
import { endOf, stepsOf } from './ends.ts';
import { type Fleet, furnish, startFleet } from './fleet.ts';

let fleet: Fleet;
let good: ReturnType<Awaited<ReturnType<typeof furnish>>>;
const network = 'bad-input';

beforeAll(async () => {
  fleet = await startFleet(['bad-input-1']);
  good = (await furnish(fleet, network))('fine');
});
afterAll(() => fleet[Symbol.asyncDispose]());

const flavor = { name: 'odd', vcpus: 1, memoryMiB: 64, rootGiB: 1 };

test.each([
  ['a control character in the name', { name: 'a\nb' }, 'name'],
  ['a name of 256 characters', { name: 'x'.repeat(256) }, 'name'],
  ['an id that is none', { instanceId: 'web1' }, 'instanceId'],
  ['an id that leads elsewhere', { instanceId: '../../etc/passwd' }, 'instanceId'],
  ['no vcpus', { flavor: { ...flavor, vcpus: 0 } }, 'flavor.vcpus'],
  ['negative vcpus', { flavor: { ...flavor, vcpus: -1 } }, 'flavor.vcpus'],
  ['a vcpu and a half', { flavor: { ...flavor, vcpus: 1.5 } }, 'flavor.vcpus'],
  ['vcpus as text', { flavor: { ...flavor, vcpus: '2' } }, 'flavor.vcpus'],
  ['vcpus that are no number', { flavor: { ...flavor, vcpus: Number.NaN } }, 'flavor.vcpus'],
  ['a billion vcpus', { flavor: { ...flavor, vcpus: 1e9 } }, 'flavor.vcpus'],
  ['no memory', { flavor: { ...flavor, memoryMiB: 0 } }, 'flavor.memoryMiB'],
  ['negative disk', { flavor: { ...flavor, rootGiB: -1 } }, 'flavor.rootGiB'],
  ['a billion GiB of disk', { flavor: { ...flavor, rootGiB: 1e9 } }, 'flavor.rootGiB'],
  ['a flavor that is not there', { flavor: 'm1.enormous' }, 'flavor'],
  ['a flavor that pins some vcpus', { flavor: { ...flavor, extraSpecs: { 'hw:cpu_policy': 'mixed' } } }, 'flavor'],
  ['threads of CPUs that are shared', { flavor: { ...flavor, extraSpecs: { 'hw:cpu_thread_policy': 'isolate' } } }, 'flavor'],
  ['an address outside the subnet', { networks: [{ network, fixedIp: '192.168.0.1' }] }, 'networks[0].fixedIp'],
  ['an address that is none', { networks: [{ network, fixedIp: '10.1.0.256' }] }, 'networks[0].fixedIp'],
  ['a field that nobody knows', { colour: 'blue' }, 'colour'],
  ['a field that is not built yet', { blockDevices: [{ source: 'blank', destination: 'local', volume: {} }] }, 'blockDevices[0].volume'],
  ['a null', { metadata: null }, 'metadata'],
])('a build with %s is refused at once, with the field, and nothing is made', async (_what, wrong, field) => {
  const run = await fleet.start('buildInstance', { ...good, ...wrong });
  const end = await endOf(run);
  expect(end).toMatchObject({ type: 'InvalidRequest', details: { fields: expect.arrayContaining([expect.objectContaining({ field })]) } });
  await expect(fleet.record(`instance/${run.firstExecutionRunId}`)).rejects.toThrow();
  expect(await stepsOf(run)).toEqual(['acceptBuild']);
});

test('an import with a property that nothing honours is refused by its name', async () => {
  const request = { name: 'loud', source: 'file:loud', diskFormat: 'raw', properties: { hw_sound_model: 'ich6', colour: 'blue' } };
  expect(await endOf(await fleet.start('importImage', request))).toMatchObject({
    type: 'InvalidRequest',
    details: { fields: [{ field: 'properties.hw_sound_model', message: 'is not supported yet' }] },
  });
});

test.each([
  ['an image that is not there', { image: randomUUID() }, 'ImageNotFound'],
  ['a network that is not there', { networks: [{ network: 'nowhere' }] }, 'NetworkNotFound'],
  ['a root disk smaller than the image', { flavor: { ...flavor, rootGiB: 1 } }, null],
])('a build with %s ends as %s', async (_what, wrong, type) => {
  const end = await endOf(await fleet.start('buildInstance', { ...good, ...wrong }));
  expect(end?.type ?? null).toBe(type);
});

test('an address that is taken is refused, naming who has it', async () => {
  const networks = [{ network, fixedIp: '10.1.0.77' }];
  const { id } = await fleet.run<{ id: string }>('buildInstance', { ...good, networks });
  const end = await endOf(await fleet.start('buildInstance', { ...good, networks }));
  expect(end).toMatchObject({ type: 'InvalidRequest', message: expect.stringContaining(id) });
});

test('a request over 128 KiB is refused', async () => {
  const metadata = Object.fromEntries(Array.from({ length: 64 }, (_, key) => [`${key}`.padEnd(200, 'k'), 'v'.repeat(1024)]));
  const end = await endOf(await fleet.start('buildInstance', { ...good, metadata, publicKeys: ['x'.repeat(60_000)] }));
  expect(end).toMatchObject({ type: 'InvalidRequest' });
  expect(end?.message).toContain('131072 bytes');
});

test.each([
  'buildInstance',
  'deleteInstance',
  'importImage',
  'cacheImage',
  'auditHost',
  'fenceHost',
  'createNetwork',
  'enableHost',
  'disableHost',
  'getConsoleOutput',
  'verify',
])('%s without an argument, or with null, is refused instead of being stuck', async (type) => {
  expect(await endOf(await fleet.start(type, undefined))).toMatchObject({ type: 'InvalidRequest' });
  expect(await endOf(await fleet.start(type, null))).toMatchObject({ type: 'InvalidRequest' });
});

test('an argument of an encoding that nobody knows is refused instead of being stuck', async () => {
  const payload = { metadata: { encoding: new TextEncoder().encode('application/x-sealed') }, data: new Uint8Array([1, 2, 3]) };
  const workflowId = `sealed-${randomUUID()}`;
  await startRaw(workflowId, payload);
  expect(await endOf(fleet.client.workflow.getHandle(workflowId))).toMatchObject({ type: 'InvalidRequest' });
});

test('a context that is none is refused, and never taken for an administrator', async () => {
  const workflowId = `context-${randomUUID()}`;
  await startRaw(workflowId, defaultPayloadConverter.toPayload(good), defaultPayloadConverter.toPayload({ userId: 'eve' }));
  expect(await endOf(fleet.client.workflow.getHandle(workflowId))).toMatchObject({
    type: 'InvalidRequest',
    message: expect.stringContaining('projectId'),
  });
});

test('the context of a client is that of the instance it builds', async () => {
  const workflowId = `whose-${randomUUID()}`;
  const context = { userId: 'ada', projectId: 'engine', roles: [], requestId: 'req-1', isAdmin: false };
  await startRaw(workflowId, defaultPayloadConverter.toPayload(good), defaultPayloadConverter.toPayload(context));
  expect(await fleet.client.workflow.getHandle(workflowId).result()).toMatchObject({
    userId: 'ada',
    projectId: 'engine',
    recent: [{ userId: 'ada' }],
  });
});

/** Starts a build with payloads that no client of ours would send: a request, and the header of a context. */
function startRaw(workflowId: string, payload: Payload, context?: Payload) {
  return fleet.client.workflowService.startWorkflowExecution({
    namespace: fleet.client.options.namespace,
    workflowId,
    requestId: randomUUID(),
    workflowType: { name: 'buildInstance' },
    taskQueue: { name: controlQueue },
    input: { payloads: [payload] },
    header: { fields: context === undefined ? {} : { 'novaflow-context': context } },
  });
}
