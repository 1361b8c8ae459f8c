import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import {
  type Cloud,
  cloudOn,
  createLabNetwork,
  importGuest,
  startComputeWorker,
  startControlWorker,
  whenHostUp,
} from '../../../lab/cloud.ts';
import { buildGuest, down, type HostProcess, type LabHost, up } from '../../../lab/lab.ts';
import { writeDevServerConfig } from '../../../scripts/dev-server/config.ts';
import { freeServerPorts } from '../../../scripts/dev-server/ports.ts';
import { startDevServer } from '../../../scripts/dev-server.ts';
import { dataConverter } from '../../../src/client.ts';
import type { Instance } from '../../../src/model/instance.ts';
import { controlQueue } from '../../../src/model/queues.ts';
import type { Finding } from '../../../src/model/verify/finding.ts';

/** novaflow on two real hosts, with a Temporal server of its own; disposing of it leaves nothing. */
export interface World extends AsyncDisposable {
  readonly cloud: Cloud;
  readonly client: Client;
  readonly imageId: string;
  /** The compute worker of each host, by the host's name. */
  readonly workers: ReadonlyMap<string, HostProcess>;
  /** Runs an operation to its end. */
  execute<Result>(type: string, request: object): Promise<Result>;
  build(name: string): Promise<Instance>;
  verify(request?: object): Promise<readonly Finding[]>;
  hostOf(instance: Instance): LabHost;
}

/** Brings up a lab of this name and novaflow on it, with the image `tiny` and the network `default`. */
export async function startWorld(name: string): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-test-'));
  stack.defer(() => rm(directory, { recursive: true }));
  const ports = await freeServerPorts('127.0.0.1');
  const configFile = join(directory, 'temporal-dev.yaml');
  await writeDevServerConfig({ from: 'temporal-dev.yaml', to: configFile, overrides: { ...ports, databaseFile: 'temporal.db' } });
  const server = stack.use(await startDevServer({ configFile }));
  const connection = await Connection.connect({ address: server.address });
  stack.defer(() => connection.close());
  const client = new Client({ connection, namespace: server.namespace, dataConverter });

  await down(name);
  stack.defer(() => down(name));
  const [lab, guest] = await Promise.all([up({ name, hosts: 2 }), buildGuest({})]);
  const cloud = await cloudOn(lab, client, ports.port);
  await startControlWorker(cloud);
  const workers = new Map<string, HostProcess>();
  for (const host of lab.hosts) workers.set(host.name, await startComputeWorker(cloud, host));
  for (const [host, worker] of workers) await whenHostUp(cloud, host, worker);
  const { id: imageId } = await importGuest(cloud, guest);
  await createLabNetwork(cloud);

  const owned = stack.move();
  let runs = 0;
  const execute = <Result>(type: string, request: object): Promise<Result> => {
    runs += 1;
    return client.workflow.execute(type, { taskQueue: controlQueue, workflowId: `${type}/${runs}`, args: [request] });
  };
  return {
    cloud,
    client,
    imageId,
    workers,
    execute,
    build: (instance) => execute('buildInstance', { name: instance, flavor: 'lab.tiny', image: 'tiny' }),
    verify: async (request = {}) => (await execute<{ findings: readonly Finding[] }>('verify', request)).findings,
    hostOf: ({ host }) => {
      const found = lab.hosts.find(({ name: hostName }) => hostName === host);
      if (found === undefined) throw new Error(`the lab has no host ${host}`);
      return found;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
