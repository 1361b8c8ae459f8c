import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { type Cloud, cloudOn, createLabNetwork, importGuest, startComputeWorker, startControlWorker, whenHostUp } from '../../lab/cloud.ts';
import { buildGuest, down, type Lab, type LabHost, up } from '../../lab/lab.ts';
import { type DevServer, startDevServer } from '../dev-server.ts';
import { type DemoCodec, startDemoCodec } from './codec.ts';
import { unlessEnded } from './ends.ts';
import { unlessAborted } from './interruption.ts';
import { show } from './progress.ts';
import { makeDemoPlace } from './server-config.ts';

/** A cloud to show things on: Temporal, a lab of two hosts with workers, the image `tiny`, the network `default`. */
export interface DemoCloud extends Cloud {
  readonly server: DevServer;
  readonly codec: DemoCodec;
}

/** What a demo is brought up from. */
export interface DemoRequest {
  /** The lab's name. */
  readonly lab: string;
  /** The configuration of its Temporal dev server, but for the database. */
  readonly configFile: string;
  readonly signal: AbortSignal;
}

/**
 * Brings all up, as much as possible at the same time. What was started is ended with `stack`, also when this fails
 * half-way; the logs stay beside the database.
 */
export async function bringUp(stack: AsyncDisposableStack, { lab: labName, configFile, signal }: DemoRequest): Promise<DemoCloud> {
  const place = await makeDemoPlace(configFile);
  const codec = stack.use(await startDemoCodec(place));
  const starting = startDevServer(place).then((server) => stack.use(server));
  const making = makeLab(stack, labName, place.directory, signal);
  const building = unlessAborted(signal, buildGuest());
  await show({ 'Temporal dev server': starting, 'two compute hosts, each with its libvirtd': making, 'guest image': building });
  const [server, lab, guest] = await Promise.all([starting, making, building]);

  // Never closed: a call that was abandoned would fail as an exception that nobody can catch.
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection, namespace: server.namespace });
  const cloud = await cloudOn(lab, client, Number(new URL(`tcp://${server.address}`).port), {
    NOVAFLOW_CODEC_KEY_FILE: codec.keyFile,
  });
  const control = await startControlWorker(cloud);
  const whileItRuns = <T>(work: Promise<T>) => unlessAborted(signal, unlessEnded(lab, 'control', control, work));
  const hosts = lab.hosts.map((host) => [`worker in ${host.name}`, whileItRuns(bringHostUp(cloud, host))] as const);
  await show({ ...Object.fromEntries(hosts), 'network default': whileItRuns(createLabNetwork(cloud)) });
  await show({ 'image tiny: kernel, initial RAM disk, root disk': whileItRuns(importGuest(cloud, guest)) });
  return { ...cloud, server, codec };
}

async function makeLab(stack: AsyncDisposableStack, name: string, logsDirectory: string, signal: AbortSignal): Promise<Lab> {
  // One that a killed demo left has workers of a Temporal that is gone.
  await down(name);
  stack.defer(() => down(name));
  const lab = await up({ name, hosts: 2, signal });
  stack.defer(() => keepLogs(lab, logsDirectory));
  return lab;
}

async function bringHostUp(cloud: Cloud, host: LabHost): Promise<void> {
  await whenHostUp(cloud, host.name, await startComputeWorker(cloud, host));
}

/** The workers' logs tell why a demo failed, and would go with the lab. */
async function keepLogs({ sharedDir }: Lab, directory: string): Promise<void> {
  const logs = (await readdir(sharedDir)).filter((name) => name.endsWith('.log'));
  await Promise.all(logs.map((name) => copyFile(join(sharedDir, name), join(directory, name))));
}
