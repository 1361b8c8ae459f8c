import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest } from '../../lab/lab.ts';
import { findTemporal } from '../../scripts/dev-server/binary.ts';
import { findings } from '../faults/matrix.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';

const root = join(import.meta.dirname, '../..');
let own: OwnCloud;
let env: Record<string, string>;

beforeAll(async () => {
  own = await ownCloud('clients');
  await importGuest(own.cloud, await buildGuest({}));
  env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/root', TEMPORAL_ADDRESS: own.temporalAddress };
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

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
