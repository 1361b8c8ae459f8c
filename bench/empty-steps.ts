import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { type DevServerOverrides, writeDevServerConfig } from '../scripts/dev-server/config.ts';
import { freeServerPorts } from '../scripts/dev-server/ports.ts';
import { type DevServer, startDevServer } from '../scripts/dev-server.ts';
import { fiveEmptySteps } from './empty-steps.workflow.ts';

const RUNS = 20;
const taskQueue = 'steps';

/** Prints how long a workflow of five empty steps takes with the settings of `temporal-dev.yaml`, and with the server's defaults. */
async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  console.log(`five empty steps, ${RUNS} runs one after another, database in a file, ms from start to result`);
  await measure('temporal-dev.yaml', {});
  await measure('server defaults', { sqlitePragmas: {}, dynamicConfig: {} });
}

async function measure(settings: string, overrides: DevServerOverrides): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-bench-'));
  const configFile = join(directory, 'temporal-dev.yaml');
  const own = { ...(await freeServerPorts('127.0.0.1')), databaseFile: 'temporal.db' };
  await writeDevServerConfig({ from: 'temporal-dev.yaml', to: configFile, overrides: { ...own, ...overrides } });
  try {
    await using server = await startDevServer({ configFile });
    console.log(`${settings.padEnd(18)} ${summary(await durationsMs(server))}`);
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

function summary(samplesMs: readonly number[]): string {
  const sorted = samplesMs.toSorted((a, b) => a - b).map((ms) => ms.toFixed(0));
  return `min ${sorted.at(0)}  median ${sorted.at(sorted.length / 2)}  max ${sorted.at(-1)}`;
}

await main();
