import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { findTemporal } from '../../scripts/dev-server/binary.ts';
import { findings } from '../faults/matrix.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { type NatsServer, type StoredEvent, startNatsServer } from './nats-server.ts';

const root = join(import.meta.dirname, '../..');
let own: OwnCloud;
let nats: NatsServer;
let env: Record<string, string>;

beforeAll(async () => {
  nats = await startNatsServer();
  await nats.makeStream();
  own = await ownCloud('clients', {
    NOVAFLOW_NOTIFICATIONS_NATS_SERVERS: `[${nats.address}]`,
    NOVAFLOW_NOTIFICATIONS_NOTIFY_ON_STATE_CHANGE: 'vm_and_task_state',
  });
  await importGuest(own.cloud, await buildGuest({}));
  env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/root', TEMPORAL_ADDRESS: own.temporalAddress };
}, 120_000);
afterAll(async () => {
  await own?.[Symbol.asyncDispose]();
  await nats?.[Symbol.asyncDispose]();
});

test('a Python client with none of our code builds, reads and deletes an instance, all as the schemas say', async () => {
  const { stdout: python } = await run('sh', ['test/python/venv.sh']);
  const { stdout } = await run(python.trim(), ['test/python/client.py', '--image', 'tiny', '--network', 'default']);
  expect(JSON.parse(stdout)).toBeTypeOf('object');
  expect(await findings(own)).toEqual([]);
});

test('the temporal command starts an operation and prints its result', async () => {
  const input = JSON.stringify({ name: 'by-temporal', flavor: 'lab.tiny', image: 'tiny' });
  const built = await temporal('buildInstance', input);
  expect(built).toMatchObject({ vmState: 'active', name: 'by-temporal' });
  expect(await temporal('deleteInstance', JSON.stringify({ instanceId: built.id }))).toMatchObject({ vmState: 'deleted' });
});

test('the novaflow command does the same for people and for programs', async () => {
  const { stdout: made } = await novaflow('instance', 'create', 'by-hand', '--image', 'tiny', '--flavor', 'lab.tiny', '--json');
  const instance = JSON.parse(made) as { id: string; ports: { ip: string }[] };
  expect((await novaflow('instance', 'list')).stdout).toContain(instance.ports[0]?.ip);
  expect((await novaflow('instance', 'show', 'by-hand')).stdout).toContain(instance.id);
  expect((await novaflow('host', 'list')).stdout).toMatch(/cn1.*up/);
  expect((await novaflow('image', 'list')).stdout).toMatch(/tiny.*active/);
  expect((await novaflow('network', 'list')).stdout).toContain('default');
  expect((await novaflow('op', 'list')).stdout).toContain('buildInstance');
  expect(JSON.parse((await novaflow('verify', '--json')).stdout)).toMatchObject({ findings: [] });
  await novaflow('instance', 'delete', 'by-hand');
  await expect(novaflow('instance', 'show', 'by-hand')).rejects.toMatchObject({ code: 3 });
  await expect(novaflow('instance', 'create', 'bad', '--image', 'tiny', '--flavor', 'none')).rejects.toMatchObject({ code: 2 });
});

test('who asks on behalf of a project sees its instances only, and what was done to them after they are deleted', async () => {
  const ada = ['--as-user', 'ada', '--as-project', 'engine'];
  const eve = ['--as-user', 'eve', '--as-project', 'loom'];
  const { stdout: made } = await novaflow(...ada, 'instance', 'create', 'ada1', '--image', 'tiny', '--flavor', 'lab.tiny', '--json');
  const { id } = JSON.parse(made) as { id: string };
  expect((await novaflow(...ada, 'instance', 'list', '--quiet')).stdout.trim()).toBe(id);
  expect((await novaflow('instance', 'list', '--project', 'engine', '--quiet')).stdout.trim()).toBe(id);
  expect((await novaflow(...eve, 'instance', 'list', '--quiet')).stdout.trim()).toBe('');
  for (const word of ['show', 'delete', 'events']) {
    await expect(novaflow(...eve, 'instance', word, id)).rejects.toMatchObject({ code: 3 });
  }
  await expect(novaflow(...ada, 'host', 'disable', 'cn1')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('Forbidden') });
  await novaflow(...ada, 'instance', 'delete', 'ada1');
  const events = JSON.parse((await novaflow(...ada, 'instance', 'events', 'ada1', '--json')).stdout) as object[];
  expect(events).toMatchObject([
    { type: 'buildInstance', userId: 'ada', end: 'completed', failure: null },
    { type: 'deleteInstance', userId: 'ada', end: 'completed' },
  ]);

  const told = await until(() => toldOf(id, 12), { what: "the instance's last notification", timeoutMs: 20_000, intervalMs: 100 });
  expect(told.map(({ data }) => data.sequence)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  expect([told.at(0)?.type, told.at(-1)?.type]).toEqual(['compute.instance.create.start', 'compute.instance.delete.end']);
});

/** What the stream holds of an instance, once it is so many. */
async function toldOf(id: string, count: number): Promise<readonly StoredEvent[] | null> {
  const events = (await nats.stored()).map(({ event }) => event).filter(({ data }) => data.instance.id === id);
  return events.length >= count ? events : null;
}

async function temporal(type: string, input: string): Promise<{ id: string }> {
  const args = [
    'workflow',
    'execute',
    '--address',
    own.temporalAddress,
    '--task-queue',
    'novaflow',
    '--type',
    type,
    '--input',
    input,
    '--output',
    'json',
  ];
  const { stdout } = await run(await findTemporal(), args);
  return (JSON.parse(stdout) as { result: { id: string } }).result;
}

function novaflow(...args: string[]) {
  return run('./novaflow', args);
}

function run(file: string, args: readonly string[]) {
  return promisify(execFile)(file, args, { cwd: root, env });
}
