import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { type DevServerOverrides, writeDevServerConfig } from '../scripts/dev-server/config.ts';
import { freeServerPorts } from '../scripts/dev-server/ports.ts';
import { type DevServer, startDevServer } from '../scripts/dev-server.ts';
import { fiveEmptySteps } from './empty-steps.workflow.ts';
import type { Figure } from './figures.ts';

const RUNS = 20;
const taskQueue = 'steps';

/** How long a workflow of five empty steps takes with the settings of `temporal-dev.yaml`, and with the server's defaults; database in a file. */
export async function emptySteps(): Promise<Figure[]> {
  const ours = await measure({});
  const defaults = await measure({ sqlitePragmas: {}, dynamicConfig: {} });
  return [
    {
      name: 'five empty steps',
      unit: 'ms',
      ours,
      beside: { what: 'server defaults', samples: defaults },
      limit: { text: '110 ms', of: () => 110 },
      voidBecause: null,
    },
  ];
}

async function measure(overrides: DevServerOverrides): Promise<readonly number[]> {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-bench-'));
  const configFile = join(directory, 'temporal-dev.yaml');
  const own = { ...(await freeServerPorts('127.0.0.1')), databaseFile: 'temporal.db' };
  await writeDevServerConfig({ from: 'temporal-dev.yaml', to: configFile, overrides: { ...own, ...overrides } });
  try {
    await using server = await startDevServer({ configFile });
    return await durationsMs(server);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function durationsMs({ address, namespace }: DevServer): Promise<readonly number[]> {
  const connection = await NativeConnection.connect({ address });
  try {
    const worker = await Worker.create({
      connection,
      namespace,
      taskQueue,
      workflowsPath: join(import.meta.dirname, 'empty-steps.workflow.ts'),
      activities: { step: async () => {} },
    });
    const client = new Client({ connection, namespace });
    return await worker.runUntil(async () => {
      await timed(client, 'warm-up');
      const samples: number[] = [];
      while (samples.length < RUNS) samples.push(await timed(client, `run-${samples.length}`));
      return samples;
    });
  } finally {
    await connection.close();
  }
}

async function timed(client: Client, workflowId: string): Promise<number> {
  const start = performance.now();
  await client.workflow.execute(fiveEmptySteps, { workflowId, taskQueue });
  return performance.now() - start;
}
