import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Host } from '../src/model/host.ts';
import type { Image } from '../src/model/image.ts';
import { controlQueue } from '../src/model/queues.ts';
import type { GuestImage } from './guest/build-guest.ts';
import type { Lab, LabHost } from './lab-description.ts';
import { type HostProcess, isRunning } from './processes.ts';
import { spawnInHost } from './spawn-in-host.ts';
import { spawnOnMachine } from './spawn-on-machine.ts';
import { startForwarder } from './start-forwarder.ts';
import { until } from './wait.ts';

/** novaflow running on a lab: its workers, and the way to start more. */
export interface Cloud {
  readonly lab: Lab;
  readonly client: Client;
  /** Where workers outside the hosts and clients find Temporal, and where workers in the hosts do. */
  readonly addresses: { readonly outside: string; readonly inside: string };
  /** Variables that every worker of this cloud is started with: its settings. */
  readonly settings: Readonly<Record<string, string>>;
}

const workerProgram = join(dirname(import.meta.dirname), 'src', 'worker.ts');

/** A cloud on `lab` whose Temporal serves at 127.0.0.1:`temporalPort`; no worker runs yet. `settings` are `NOVAFLOW_…` variables. */
export async function cloudOn(
  lab: Lab,
  client: Client,
  temporalPort: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<Cloud> {
  const { address } = await startForwarder(lab, { toPort: temporalPort });
  const importDirectory = join(lab.sharedDir, 'import');
  await mkdir(importDirectory, { recursive: true });
  return {
    lab,
    client,
    addresses: { outside: `127.0.0.1:${temporalPort}`, inside: address },
    settings: {
      NOVAFLOW_IMAGE_STORE_DIRECTORY: join(lab.sharedDir, 'images'),
      NOVAFLOW_IMPORT_DIRECTORY: importDirectory,
      ...settings,
    },
  };
}

/** Starts a control worker on the machine. */
export function startControlWorker({ lab, addresses, settings }: Cloud, name = 'control'): Promise<HostProcess> {
  const env = { ...settings, TEMPORAL_ADDRESS: addresses.outside };
  return spawnOnMachine(lab, [process.execPath, workerProgram, '--role', 'control'], {
    role: `${name}-worker`,
    env,
    logFile: logOf(lab, name),
  });
}

/** Starts the compute worker of a host, inside it. */
export function startComputeWorker({ lab, addresses, settings }: Cloud, host: LabHost): Promise<HostProcess> {
  const env = { ...settings, TEMPORAL_ADDRESS: addresses.inside, NOVAFLOW_HOST_NAME: host.name, NOVAFLOW_HOST_ADDRESS: host.address };
  return spawnInHost(host, [process.execPath, workerProgram, '--role', 'compute'], {
    role: 'compute-worker',
    env,
    logFile: logOf(lab, host.name),
  });
}

/** Where a worker of the lab writes its log. */
export function logOf({ sharedDir }: Pick<Lab, 'sharedDir'>, name: string): string {
  return join(sharedDir, `${name}.log`);
}

/** Resolves when the host's record says that it is up; raises an error with the end of its log when the worker ended instead. */
export async function whenHostUp({ client, lab }: Cloud, host: string, worker: HostProcess): Promise<Host> {
  const look = async () => {
    if (!isRunning(worker))
      throw new Error(`the compute worker of ${host} ended:\n${(await readFile(logOf(lab, host), 'utf8')).slice(-2000)}`);
    const record = await client.workflow
      .getHandle(`host/${host}`)
      .query<Host | null>('record')
      .catch(() => null);
    return record?.state === 'up' ? record : null;
  };
  return until(look, { what: `host ${host}`, timeoutMs: 60_000, intervalMs: 50 });
}

/** Imports the lab's guest: its kernel, its initial RAM disk, and its root disk under the name `tiny`. Returns the last. */
export async function importGuest({ client, settings }: Cloud, guest: GuestImage, name = 'tiny'): Promise<Image> {
  const kernel = await importFile('kernel', guest.kernel, { diskFormat: 'aki' });
  const ramdisk = await importFile('ramdisk', guest.initrd, { diskFormat: 'ari' });
  return importFile('root', guest.rootImage, {
    diskFormat: 'raw',
    kernelId: kernel.id,
    ramdiskId: ramdisk.id,
    properties: { os_command_line: guest.cmdline, os_type: 'linux' },
  });

  async function importFile(part: string, file: string, request: object): Promise<Image> {
    const fileName = `${name}-${part}`;
    await copyFile(file, join(settings['NOVAFLOW_IMPORT_DIRECTORY'] ?? '', fileName));
    return client.workflow.execute('importImage', {
      taskQueue: controlQueue,
      workflowId: `import/${fileName}`,
      args: [{ name: part === 'root' ? name : fileName, source: `file:${fileName}`, ...request }],
    });
  }
}

/** Makes the lab's provider network the default one: addresses from the upper half, the machine itself is the gateway. */
export async function createLabNetwork({ client, lab }: Cloud, name = 'default'): Promise<void> {
  const base = lab.providerCidr.slice(0, lab.providerCidr.lastIndexOf('.'));
  await client.workflow.execute('createNetwork', {
    taskQueue: controlQueue,
    workflowId: `create-network/${name}`,
    args: [
      {
        name,
        cidr: lab.providerCidr,
        gateway: lab.providerGateway,
        bridge: lab.hosts[0]?.bridge,
        pool: { start: `${base}.100`, end: `${base}.250` },
        isDefault: true,
      },
    ],
  });
}
