import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { type Cloud, cloudOn, createLabNetwork, importGuest, startComputeWorker, startControlWorker, whenHostUp } from '../lab/cloud.ts';
import { buildGuest, down, type Lab, up } from '../lab/lab.ts';
import { unlessAborted } from '../scripts/demo/interruption.ts';
import { writeDevServerConfig } from '../scripts/dev-server/config.ts';
import { freeServerPorts } from '../scripts/dev-server/ports.ts';
import { startDevServer } from '../scripts/dev-server.ts';
import { dataConverter } from '../src/client.ts';

/** A cloud to measure, and the processes of it whose memory is measured, by name. */
export interface BenchCloud extends Cloud {
  readonly workers: { readonly control: number; readonly compute: ReadonlyMap<string, number> };
}

/** Room for 20 guests at once, which the machine need not have processors for; and nobody waits for a guest that is to shut down. */
const settings = { NOVAFLOW_LOG_LEVEL: 'warn', NOVAFLOW_HOST_CAPACITY_VCPUS: '8', NOVAFLOW_SHUTDOWN_TIMEOUT_SECONDS: '0' };

/**
 * Brings up what `npm run dev` brings up, from the same configuration but with ports, database and lab of its own, so that both
 * can run at the same time. All of it is ended with `stack`, also when this fails or is aborted half-way.
 */
export async function bringUp(stack: AsyncDisposableStack, labName: string, signal: AbortSignal): Promise<BenchCloud> {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-bench-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const configFile = join(directory, 'temporal-dev.yaml');
  const ports = await freeServerPorts('127.0.0.1');
  await writeDevServerConfig({ from: 'temporal-dev.yaml', to: configFile, overrides: { ...ports, databaseFile: 'temporal.db' } });
  const server = stack.use(await startDevServer({ configFile }));

  await down(labName); // one that was killed left it
  stack.defer(() => down(labName));
  const lab = await up({ name: labName, hosts: 2, signal });
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection, namespace: server.namespace, dataConverter });
  return unlessAborted(signal, makeCloud(lab, client, ports.port));
}

async function makeCloud(lab: Lab, client: Client, temporalPort: number): Promise<BenchCloud> {
  const cloud = await cloudOn(lab, client, temporalPort, settings);
  const control = await startControlWorker(cloud);
  const compute = await Promise.all(
    lab.hosts.map(async (host): Promise<[string, number]> => {
      const worker = await startComputeWorker(cloud, host);
      await whenHostUp(cloud, host.name, worker);
      return [host.name, worker.pid];
    }),
  );
  await createLabNetwork(cloud);
  await importGuest(cloud, await buildGuest({}));
  return { ...cloud, workers: { control: control.pid, compute: new Map(compute) } };
}
