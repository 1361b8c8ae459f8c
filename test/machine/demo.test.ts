import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { down, findLab, listWorld } from '../../lab/lab.ts';
import { processesOfLab } from '../../lab/lab-processes.ts';
import { dataDirOf, machineLinksOf } from '../../lab/names.ts';
import { until } from '../../lab/wait.ts';
import { type PassedState, runShown } from '../../scripts/demo/states.ts';
import { writeDevServerConfig } from '../../scripts/dev-server/config.ts';
import { freeServerPorts, pidsListeningOn } from '../../scripts/dev-server/ports.ts';

const name = 'test-demo';
const program = join(import.meta.dirname, '../../scripts/demo.ts');
const seconds = '\\d+\\.\\d\\d s';

let directory: string;
let config: { readonly file: string; readonly port: number };

beforeEach(async () => {
  await down(name);
  directory = await mkdtemp(join(tmpdir(), 'novaflow-test-'));
  const ports = await freeServerPorts('127.0.0.1');
  config = { file: join(directory, 'temporal-dev.yaml'), port: ports.port };
  await writeDevServerConfig({ from: 'temporal-dev.yaml', to: config.file, overrides: { ...ports, databaseFile: 'temporal.db' } });
});

afterEach(async () => {
  await down(name);
  await rm(directory, { recursive: true });
});

test('a demo that follows one killed in its build shows a guest from build to deletion, and leaves nothing', async () => {
  const killed = startDemo();
  await whenPrinted(killed, 'networking');
  killed.process.kill('SIGKILL');

  const demo = startDemo();
  expect(await demo.ended).toBe(0);

  expect(demo.printed()).toMatch(
    new RegExp(
      [
        'buildInstance .*',
        `  scheduling +${seconds}`,
        `  none \\(host chosen\\) +${seconds}`,
        `  networking +${seconds}`,
        `  block_device_mapping +${seconds}`,
        `  spawning +${seconds}`,
        `  active on cn[12] after ${seconds}, running, address [\\d.]+`,
        '',
        'the console of hello(\n  \\| .*)*',
        '  \\| GUEST UP hello [\\d.]+',
        '',
        'ping from this machine(\n.*)*3 received, 0% packet loss(.*\n)*',
        'deleteInstance',
        `  deleting +${seconds}`,
        '  deleted',
      ].join('\n'),
    ),
  );
  expect(await traces()).toEqual([]);
});

test('a demo that is killed is cleaned up after, though nobody asks for it', async () => {
  const demo = startDemo();
  await whenPrinted(demo, 'worker in cn1');
  demo.process.kill('SIGKILL');

  await until(async () => ((await traces()).length === 0 ? true : null), {
    what: 'a machine without a trace of the demo',
    timeoutMs: 20_000,
    intervalMs: 100,
  });
});

test('a demo that is interrupted while its hosts boot takes them down', async () => {
  const demo = startDemo();
  await until(() => (existsSync(join(dataDirOf(name), 'cn1/init.log')) ? true : null), { what: 'the boot of a host', timeoutMs: 20_000 });
  demo.process.kill('SIGINT');

  expect(await demo.ended).toBe(130);
  expect(demo.printed()).toContain('demo: ended by SIGINT');
  expect(await traces()).toEqual([]);
});

test('a demo that is kept refuses a second one, can be played with, and ends by SIGTERM', async () => {
  const demo = startDemo('--keep');
  await whenPrinted(demo, 'stays up until Ctrl-C');

  const second = startDemo();
  expect(await second.ended).toBe(1);
  expect(second.printed()).toBe(`demo: a demo runs already (pid ${demo.process.pid}): end it with Ctrl-C, or use it\n`);

  const client = new Client({ connection: await Connection.connect({ address: `127.0.0.1:${config.port}` }) });
  expect(demo.printed()).toContain(`export TEMPORAL_ADDRESS=127.0.0.1:${config.port}\n`);
  await expect(statesOfBuildWithoutAddress(client)).resolves.toEqual(['scheduling', null, 'networking']);
  await client.connection.close();

  demo.process.kill('SIGTERM');
  expect(await demo.ended).toBe(0);
  expect(await traces()).toEqual([]);
});

/** The states that are shown of a build which asks for two addresses of a network that has one. */
async function statesOfBuildWithoutAddress(client: Client): Promise<readonly PassedState['taskState'][]> {
  const lab = await findLab(name);
  const network = { name: 'narrow', cidr: '10.9.8.0/24', bridge: lab?.providerBridge, pool: { start: '10.9.8.7', end: '10.9.8.7' } };
  await client.workflow.execute('createNetwork', { taskQueue: 'novaflow', workflowId: 'narrow', args: [network] });
  const states: PassedState['taskState'][] = [];
  const networks = [{ network: 'narrow' }, { network: 'narrow' }];
  const request = { instanceId: randomUUID(), name: 'unlucky', flavor: 'lab.tiny', image: 'tiny', networks };
  const build = runShown(client, { type: 'buildInstance', request }, ({ taskState }) => states.push(taskState));
  await expect(build).rejects.toMatchObject({ cause: { message: expect.stringContaining('no address is free') } });
  return states;
}

/** All of the machine that is the demo's: what bears its lab's name, the lab's processes, its Temporal. Other labs may come and go. */
async function traces(): Promise<readonly string[]> {
  const marks = [`nf-${name}-`, `/${name}/`, ...Object.values(machineLinksOf(name))];
  const named = (await listWorld()).filter((line) => line.endsWith(`/${name}`) || marks.some((mark) => line.includes(mark)));
  const processes = (await processesOfLab(name)).map(({ pid }) => `process ${pid}`);
  const temporal = [...(await pidsListeningOn(config.port))].map((pid) => `Temporal, process ${pid}`);
  return [...named, ...processes, ...temporal];
}

interface Demo {
  readonly process: ChildProcess;
  readonly printed: () => string;
  readonly ended: Promise<number | null>;
}

function startDemo(...flags: readonly string[]): Demo {
  const child = spawn(process.execPath, [program, '--lab', name, '--config', config.file, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  return { process: child, printed: () => text, ended: once(child, 'close').then(([code]: (number | null)[]) => code ?? null) };
}

/** Raises what the demo printed when it ends without having printed `words`. */
async function whenPrinted(demo: Demo, words: string): Promise<void> {
  const look = () => {
    if (demo.printed().includes(words)) return true;
    if (demo.process.exitCode !== null) throw new Error(demo.printed());
    return null;
  };
  await until(look, { what: `"${words}"`, timeoutMs: 60_000 });
}
