import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fiveEmptySteps } from '../../bench/empty-steps.workflow.ts';
import { type DevServerOverrides, writeDevServerConfig } from '../../scripts/dev-server/config.ts';
import { freeServerPorts, pidsListeningOn } from '../../scripts/dev-server/ports.ts';
import { type DevServer, startDevServer } from '../../scripts/dev-server.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'novaflow-test-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** The settings of `temporal-dev.yaml` on ports of their own, with a database in the test's directory. */
async function ownConfig(overrides: DevServerOverrides = {}): Promise<string> {
  const to = join(directory, 'temporal-dev.yaml');
  const own = { ...(await freeServerPorts('127.0.0.1')), databaseFile: 'state/temporal.db', ...overrides };
  await writeDevServerConfig({ from: 'temporal-dev.yaml', to, overrides: own });
  return to;
}

async function connectTo({ address, namespace }: DevServer): Promise<Client> {
  return new Client({ connection: await Connection.connect({ address }), namespace });
}

test('the server serves its namespace and its search attributes from the moment it is started', async () => {
  await using server = await startDevServer({ configFile: await ownConfig({ namespace: 'fleet' }) });
  const { connection } = await connectTo(server);
  const { namespaceInfo } = await connection.workflowService.describeNamespace({ namespace: 'fleet' });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'fleet' });
  await connection.close();
  expect(namespaceInfo?.name).toBe('fleet');
  expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(['VmState', 'TaskState', 'Attention', 'Tags']));
  expect((await fetch(server.uiUrl)).ok).toBe(true);
});

test('a search attribute added to the file reaches a database that is older than it', async () => {
  const first = await startDevServer({ configFile: await ownConfig({ searchAttributes: { VmState: 'Keyword' } }) });
  await first.stop();
  await using second = await startDevServer({ configFile: await ownConfig() });
  const { connection } = await connectTo(second);
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: second.namespace });
  await connection.close();
  expect(Object.keys(customAttributes ?? {})).toContain('Tags');
});

test('a workflow survives the death of the server and goes on when it is started from the same file', async () => {
  const configFile = await ownConfig();
  const first = await startDevServer({ configFile });
  const before = await connectTo(first);
  await before.workflow.start(fiveEmptySteps, { workflowId: 'survivor', taskQueue: 'steps' });
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  await before.connection.close();

  await using second = await startDevServer({ configFile });
  const connection = await NativeConnection.connect({ address: second.address });
  const worker = await Worker.create({
    connection,
    namespace: second.namespace,
    taskQueue: 'steps',
    workflowsPath: join(import.meta.dirname, '../../bench/empty-steps.workflow.ts'),
    activities: { step: async () => {} },
  });
  const after = await connectTo(second);
  const handle = after.workflow.getHandle('survivor');
  await worker.runUntil(handle.result());
  const { status } = await handle.describe();
  await after.connection.close();
  await connection.close();
  expect(status.name).toBe('COMPLETED');
});

test('a second server on the same port is refused with the pid of the first', async () => {
  const configFile = await ownConfig();
  await using first = await startDevServer({ configFile });
  const refused = startDevServer({ configFile });
  await expect(refused).rejects.toThrow(`is taken by pid ${first.pid} (temporal): end it, or change "port"`);
});

test('a server that dies at its start is reported with the end of its log', async () => {
  const configFile = await ownConfig({ databaseFile: 'broken.db' });
  await writeFile(join(directory, 'broken.db'), 'this is no database');
  await expect(startDevServer({ configFile })).rejects.toThrow(
    /did not start: it ended by itself\nthe end of .*broken\.log:\n.*file is not a database/s,
  );
});

test('a server that was stopped is gone with its port, and to stop it again does nothing', async () => {
  const server = await startDevServer({ configFile: await ownConfig({ databaseFile: null }) });
  await server.stop();
  await server.stop();
  expect(await pidsListeningOn(Number(new URL(`tcp://${server.address}`).port))).toEqual([]);
});
