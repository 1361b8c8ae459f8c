import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { ApplicationFailure, type DataConverter } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { dataConverterWith } from '../../src/client.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { canariesIn, secrets } from './canaries.ts';
import { endOf } from './ends.ts';
import { type Fleet, furnish, leftOvers, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const network = 'secrets';

beforeAll(async () => {
  fleet = await startFleet(['secrets-1']);
  request = await furnish(fleet, network);
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

/** Everything the server keeps, in one piece: its database, the journal of it, and its log. */
async function allThatTheServerKeeps(): Promise<Buffer> {
  const directory = inject('temporalDirectory');
  const names = (await readdir(directory)).filter((name) => name !== 'temporal-dev.yaml');
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(directory, name)))));
}

/** A client with this data converter; without one it is like a client in another language, which knows of no codec. */
function clientWith(dataConverter: DataConverter = {}): Client {
  const { connection, options } = fleet.client;
  return new Client({ connection, namespace: options.namespace, dataConverter });
}

test('the secrets of a build reach the step that makes the config drive, and nothing that the server keeps', async () => {
  const metadata = { seen: 'a-canary-that-sings' };
  const instance = await fleet.run<Instance>('buildInstance', { ...request('sings-not'), ...secrets, metadata });
  expect(fleet.hosts.get('secrets-1')?.drives.get(instance.id)).toEqual(secrets);
  expect(instance).toMatchObject({ vmState: 'active', metadata });
  expect(canariesIn(Buffer.from(JSON.stringify(instance)))).toEqual([]);
  const kept = await allThatTheServerKeeps();
  expect(kept.includes('a-canary-that-sings')).toBe(true);
  expect(canariesIn(kept)).toEqual([]);
});

test('a build with secrets that fails, and one that is cancelled, leave nothing of them', async () => {
  fleet.at('defineDomain', () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire')));
  const failed = await fleet.start('buildInstance', { ...request('fails'), ...secrets });
  expect(await endOf(failed)).toMatchObject({ type: 'OperationFailed' });
  const { reached } = fleet.holdAt('createDisks');
  const cancelled = await fleet.start('buildInstance', { ...request('cancelled'), ...secrets });
  await reached;
  await cancelled.cancel();
  expect(await endOf(cancelled)).toMatchObject({ type: 'Canceled' });
  expect(canariesIn(await allThatTheServerKeeps())).toEqual([]);
  for (const run of [failed, cancelled]) expect(await leftOvers(fleet, run.firstExecutionRunId, network)).toEqual([]);
});

test('a client without the codec reads the result, the record and the steps of a build with secrets', async () => {
  const run = await fleet.start('buildInstance', { ...request('plainly-read'), ...secrets });
  const { workflow } = clientWith();
  const instance: Instance = await workflow.getHandle(run.workflowId).result();
  expect(instance).toMatchObject({ name: 'plainly-read', vmState: 'active' });
  expect(await workflow.getHandle(`instance/${instance.id}`).query('record')).toEqual(instance);
  expect(await workflow.getHandle(run.workflowId).query('operation')).toMatchObject({ type: 'buildInstance' });
});

// Sent in the clear on purpose, but not the canaries: the database of this run is searched for those.
test.for([
  [{ adminPassword: 'swordfish' }, ['adminPassword']],
  [{ userData: 'IyEvYmluL3No' }, ['userData']],
  [{ files: [{ path: '/etc/motd', contentsBase64: 'aGk=' }] }, ['files']],
  [{ adminPassword: 'swordfish', userData: 'IyEvYmluL3No' }, ['adminPassword', 'userData']],
] as const)(
  'a request that was sent unencrypted with %j is refused with the field and the way out, and nothing is made',
  async ([sent, fields]) => {
    const handle = await clientWith().workflow.start('buildInstance', {
      taskQueue: controlQueue,
      workflowId: `plain-${randomUUID()}`,
      args: [{ ...request('plain'), ...sent }],
    });
    const end = await endOf(handle);
    expect(end).toMatchObject({ type: 'InvalidRequest', details: { fields: fields.map((field) => ({ field })) } });
    expect(end?.message).toMatch(/lies in the history in the clear: send it by a client that has the codec .*temporal workflow delete/);
    await expect(fleet.record(`instance/${handle.firstExecutionRunId}`)).rejects.toThrow();
  },
);

/** An instance whose guest has an agent. */
async function withAgent(name: string): Promise<string> {
  const properties = { hw_qemu_guest_agent: 'yes', os_admin_user: 'ada' };
  const { id: image } = await fleet.run<Image>('importImage', { name, source: 'file:fake', diskFormat: 'raw', properties });
  return (await fleet.run<Instance>('buildInstance', { ...request(name), image })).id;
}

test('a new password reaches the step that asks the agent, for the user that the image names, and nothing that the server keeps', async () => {
  const instanceId = await withAgent('new-password');
  const { adminPassword } = secrets;
  const instance = await fleet.run<Instance>('setInstancePassword', { instanceId, adminPassword });
  expect(fleet.hosts.get('secrets-1')?.passwords.get(instanceId)).toBe(`ada:${adminPassword}`);
  expect(instance).toMatchObject({ vmState: 'active', powerState: 'running', fault: null, operation: null });
  expect(instance.taskHistory.map(({ taskState }) => taskState)).toEqual(['updating_password', null]);
  expect(canariesIn(Buffer.from(JSON.stringify(instance)))).toEqual([]);
  expect(canariesIn(await allThatTheServerKeeps())).toEqual([]);
});

test('a guest whose agent is silent stays as it is, and its record says why it has no new password', async () => {
  const instanceId = await withAgent('same-password');
  fleet.hosts.get('secrets-1')?.silent.add(instanceId);
  const run = await fleet.start('setInstancePassword', { instanceId, adminPassword: secrets.adminPassword });
  expect(await endOf(run)).toMatchObject({ type: 'InstancePasswordSetFailed', message: 'its agent does not answer' });
  const fault = { type: 'InstancePasswordSetFailed' };
  expect(await fleet.record(`instance/${instanceId}`)).toMatchObject({ vmState: 'active', powerState: 'running', operation: null, fault });
  expect(canariesIn(await allThatTheServerKeeps())).toEqual([]);
});

test('a new password for a guest without an agent is refused by the name that Nova has for it, and nothing is touched', async () => {
  const before = await fleet.run<Instance>('buildInstance', request('without-agent'));
  const run = await fleet.start('setInstancePassword', { instanceId: before.id, adminPassword: secrets.adminPassword });
  expect(await endOf(run)).toMatchObject({ type: 'QemuGuestAgentNotEnabled', message: expect.stringContaining('hw_qemu_guest_agent=yes') });
  expect(await fleet.record(`instance/${before.id}`)).toEqual(before);
});

test('a new password that was sent unencrypted is refused, and the guest keeps its own', async () => {
  const instanceId = await withAgent('plain-password');
  const options = { taskQueue: controlQueue, workflowId: `plain-${randomUUID()}`, args: [{ instanceId, adminPassword: 'swordfish' }] };
  const end = await endOf(await clientWith().workflow.start('setInstancePassword', options));
  expect(end).toMatchObject({ type: 'InvalidRequest', details: { fields: [{ field: 'adminPassword' }] } });
  expect(fleet.hosts.get('secrets-1')?.passwords.has(instanceId)).toBe(false);
});

test('a request without secrets needs no codec', async () => {
  const { workflow } = clientWith();
  const options = { taskQueue: controlQueue, workflowId: `plain-${randomUUID()}`, args: [request('plain-and-fine')] };
  expect(await workflow.execute('buildInstance', options)).toMatchObject({ vmState: 'active' });
});

test('a request encrypted with a key that nobody has is refused with its id instead of being stuck', async () => {
  const key = createSecretKey(randomBytes(32));
  const ring = { current: { id: 'lost', key }, byId: new Map([['lost', key]]) };
  const { workflow } = clientWith(dataConverterWith(async () => ring));
  const args = [{ ...request('sealed'), ...secrets }];
  const handle = await workflow.start('buildInstance', { taskQueue: controlQueue, workflowId: `lost-${randomUUID()}`, args });
  const end = await endOf(handle);
  expect(end).toMatchObject({ type: 'InvalidRequest', details: { fields: [{ field: 'request' }] } });
  expect(end?.message).toContain('encrypted with key "lost"');
});
