import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { type Cloud, cloudOn, createLabNetwork, startComputeWorker, startControlWorker, whenHostUp } from '../../lab/cloud.ts';
import { down, type HostProcess, type LabHost, type LabRequest, signalProcess, up, whenEnded } from '../../lab/lab.ts';
import { writeDevServerConfig } from '../../scripts/dev-server/config.ts';
import { freeServerPorts } from '../../scripts/dev-server/ports.ts';
import { type DevServer, startDevServer } from '../../scripts/dev-server.ts';
import { dataConverter } from '../../src/client.ts';

/** A whole novaflow of a test's own: server, hosts, workers, an empty network `default`. */
export interface OwnCloud extends AsyncDisposable {
  readonly cloud: Cloud;
  readonly client: Client;
  readonly temporalAddress: string;
  readonly temporalPort: number;
  /** Where the server keeps its database, its journal and its log. */
  readonly temporalDirectory: string;
  /** Where files stop steps: see `faultPoint`. */
  readonly faultsDirectory: string;
  readonly workers: { control: HostProcess; readonly compute: Map<string, HostProcess> };
  readonly killServer: () => Promise<void>;
  readonly startServer: () => Promise<void>;
  readonly startControl: () => Promise<void>;
  readonly startCompute: (host: string) => Promise<void>;
  /** Kills the worker of a host and starts one with these settings beside those of all; returns when the host is up. */
  readonly restartCompute: (host: string, settings: Settings) => Promise<void>;
}

/** `NOVAFLOW_…` variables of workers. */
type Settings = Readonly<Record<string, string>>;

/** Brings it all up under `name`; `settings` are those of all workers, `settingsOf` those of one host's beside them; the rest is of its lab. */
export async function ownCloud(
  name: string,
  settings: Settings = {},
  { settingsOf = () => ({}), ...labOptions }: Omit<LabRequest, 'name'> & { readonly settingsOf?: (host: string) => Settings } = {},
): Promise<OwnCloud> {
  const directory = await mkdtemp(join(tmpdir(), `novaflow-${name}-`));
  const configFile = join(directory, 'temporal-dev.yaml');
  const ports = await freeServerPorts('127.0.0.1');
  await writeDevServerConfig({ from: 'temporal-dev.yaml', to: configFile, overrides: { ...ports, databaseFile: 'temporal.db' } });
  let server: DevServer = await startDevServer({ configFile });
  await down(name); // one whose test was killed would be taken for this one
  const lab = await up({ ...labOptions, name });
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection, namespace: server.namespace, dataConverter });
  const faultsDirectory = join(lab.sharedDir, 'faults');
  await mkdir(faultsDirectory, { recursive: true });
  const cloud = await cloudOn(lab, client, ports.port, { NOVAFLOW_FAULTS: faultsDirectory, NOVAFLOW_LOG_LEVEL: 'warn', ...settings });
  const workers = { control: await startControlWorker(cloud), compute: new Map<string, HostProcess>() };
  const startWith = async (host: LabHost, ofOne: Settings) => {
    const worker = await startComputeWorker({ ...cloud, settings: { ...cloud.settings, ...ofOne } }, host);
    workers.compute.set(host.name, worker);
    return worker;
  };
  for (const host of lab.hosts) await startWith(host, settingsOf(host.name));
  for (const [host, worker] of workers.compute) await whenHostUp(cloud, host, worker);
  await createLabNetwork(cloud);

  const hostNamed = (name: string) => {
    const host = lab.hosts.find((one) => one.name === name);
    if (host === undefined) throw new Error(`there is no host ${name}`);
    return host;
  };
  return {
    cloud,
    client,
    temporalAddress: server.address,
    temporalPort: ports.port,
    temporalDirectory: directory,
    faultsDirectory,
    workers,
    killServer: async () => {
      process.kill(server.pid, 'SIGKILL');
      await server.exited;
    },
    startServer: async () => {
      server = await startDevServer({ configFile });
    },
    startControl: async () => {
      workers.control = await startControlWorker(cloud);
    },
    startCompute: async (name) => {
      await startWith(hostNamed(name), settingsOf(name));
    },
    restartCompute: async (name, settings) => {
      const old = workers.compute.get(name);
      if (old !== undefined && signalProcess(old, 'SIGKILL')) await whenEnded(old);
      await whenHostUp(cloud, name, await startWith(hostNamed(name), settings));
    },
    [Symbol.asyncDispose]: async () => {
      for (const worker of [workers.control, ...workers.compute.values()]) {
        if (signalProcess(worker, 'SIGKILL')) await whenEnded(worker);
      }
      await connection.close();
      await down(name);
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
