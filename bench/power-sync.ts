import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { startComputeWorker } from '../lab/cloud.ts';
import { type HostProcess, type LabHost, signalProcess, whenEnded } from '../lab/lab.ts';
import { notedProcesses } from '../lab/processes.ts';
import { until } from '../lab/wait.ts';
import { startAndUpdate } from '../src/activities/record-client.ts';
import { connectLibvirt, DomainCreate, type Libvirt } from '../src/libvirt/index.ts';
import type { Instance } from '../src/model/instance.ts';
import type { Begin, Begun, FinishInstance } from '../src/model/instance-record.ts';
import { controlQueue } from '../src/model/queues.ts';
import type { Run } from '../src/model/tenure.ts';
import type { BenchCloud } from './bring-up.ts';
import type { Contest } from './contest.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import type { Say } from './say.ts';

const many = 100;
/** Most guests are off: many that run would be a measurement of QEMU. */
const paused = 10;
const atOnce = 20;
const pollMs = 5;
/** To count in a list is work for the server that the records wait for meanwhile. */
const listPollMs = 50;

/** How long a record says of a guest what is true no more: after its end, and, of many guests at once, after the restart of its host's worker. */
export async function powerSync(contest: Contest, cloud: BenchCloud, rounds: number, say: Say): Promise<readonly Figure[]> {
  return [await event(contest, cloud, rounds, say), await restart(cloud, Math.min(rounds, 3), say)];
}

/** From the end of a guest behind our back until its record says so. */
async function event({ ours }: Contest, { client }: BenchCloud, rounds: number, say: Say): Promise<Figure> {
  const samples: number[] = [];
  const voidBecause = await reasonToVoid(async () => {
    const guest = await ours.build();
    const instanceId = guest.id;
    await using libvirt = connectLibvirt({ socket: guest.host.libvirtSocket });
    while (samples.length < rounds) {
      const began = performance.now();
      await libvirt.domainDestroyFlags({ dom: { uuid: instanceId } });
      await whenSo(async () => (await recordOf(client, instanceId)).vmState === 'stopped', 'the record to be stopped');
      samples.push(performance.now() - began);
      await client.workflow.execute('startInstance', {
        taskQueue: controlQueue,
        workflowId: `bench-start-${randomUUID()}`,
        args: [{ instanceId }],
      });
    }
    await ours.remove(guest);
  });
  say(`an event in a record after ${samples.map((ms) => ms.toFixed(0)).join(' ')} ms`);
  return { name: 'event → record', unit: 'ms', ours: samples, beside: null, limit: { text: '1 s', of: () => 1_000 }, voidBecause };
}

/** From the start of a host's worker until all records say what its guests are, of which each said something else. */
async function restart(cloud: BenchCloud, rounds: number, say: Say): Promise<Figure> {
  const { client, lab } = cloud;
  const [host] = lab.hosts;
  // Guests that were never started are taken for such as ended with their host, and would be started again.
  const onlyLooking = { ...cloud, settings: { ...cloud.settings, NOVAFLOW_RESUME_GUESTS_STATE_ON_HOST_BOOT: 'false' } };
  const samples: number[] = [];
  const voidBecause = await reasonToVoid(async () => {
    if (host === undefined) throw new Error('the lab has no host');
    await using libvirt = connectLibvirt({ socket: host.libvirtSocket });
    const ids = Array.from({ length: many }, () => randomUUID());
    await inCrowds(ids, (id, index) => defined(libvirt, id, index < paused));
    let worker = await workerOf(host);
    while (samples.length < rounds) {
      signalProcess(worker, 'SIGTERM');
      await whenEnded(worker);
      await inCrowds(ids, (id) => saidToRun(client, host, id));
      const began = performance.now();
      worker = await startComputeWorker(onlyLooking, host);
      await whenSo(async () => (await saidToRunOn(client, host)) === 0, 'all records to be true', listPollMs);
      samples.push(performance.now() - began);
    }
  });
  say(`${many} power states after ${samples.map((ms) => ms.toFixed(0)).join(' ')} ms`);
  const name = `${many} power states after a restart`;
  return { name, unit: 'ms', ours: samples, beside: null, limit: { text: '3 s', of: () => 3_000 }, voidBecause };
}

async function workerOf({ lab, name }: LabHost): Promise<HostProcess> {
  const worker = (await notedProcesses(lab)).find(({ role, host }) => role === 'compute-worker' && host === name);
  if (worker === undefined) throw new Error(`${name} has no worker`);
  return worker;
}

/** A domain without a disk. */
async function defined(libvirt: Libvirt, id: string, isPaused: boolean): Promise<void> {
  const os = "<os><type arch='x86_64' machine='q35'>hvm</type></os>";
  const xml = `<domain type='qemu'><name>bench-${id}</name><uuid>${id}</uuid><memory unit='MiB'>16</memory>${os}</domain>`;
  await libvirt.domainDefineXmlFlags({ xml });
  if (isPaused) await libvirt.domainCreateWithFlags({ dom: { uuid: id }, flags: DomainCreate.paused });
}

/** The record of an instance, as a build leaves it whose guest runs; made by the messages of a build, or taken again by those of another operation. */
async function saidToRun(client: Client, { name: host }: LabHost, id: string): Promise<void> {
  // A run that is under way, so that nobody takes its operation for dead.
  const { workflowId, runId } = await client.workflow.getHandle(`host/${host}`).describe();
  const run: Run = { workflowId, runId, firstRunId: randomUUID() };
  const flavor = { name: 'none', vcpus: 1, memoryMiB: 16, rootGiB: 0, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} };
  const create = { id, name: 'bench', projectId: 'bench', userId: 'bench', flavor, image: 'none', availabilityZone: null, metadata: {} };
  const asked = { run, part: 1, userId: 'bench', taskState: null, isAdmin: true, takeOver: false } as const;
  const isMade = await client.workflow
    .getHandle(`instance/${id}`)
    .describe()
    .then(
      () => true,
      () => false,
    );
  const begin: Begin = { ...asked, type: isMade ? 'rebootInstance' : 'buildInstance', create: isMade ? null : create };
  await startAndUpdate<Begun>(client, 'instance', id, 'begin', begin);
  const changes = { vmState: 'active', powerState: 'running', host, launchedAt: new Date().toISOString() } as const;
  const finish: FinishInstance = { run, part: 1, end: 'completed', steps: [], changes };
  await client.workflow.getHandle(`instance/${id}`).executeUpdate('finish', { args: [finish] });
}

/** How many records on the host say that their guest runs. */
async function saidToRunOn(client: Client, { name }: LabHost): Promise<number> {
  const query = `WorkflowType = 'instance' AND ExecutionStatus = 'Running' AND ComputeHost = '${name}' AND PowerState = 'running'`;
  return (await client.workflow.count(query)).count;
}

function recordOf(client: Client, id: string): Promise<Instance> {
  return client.workflow.getHandle(`instance/${id}`).query<Instance>('record');
}

async function whenSo(isSo: () => Promise<boolean>, what: string, intervalMs = pollMs): Promise<void> {
  await until(async () => ((await isSo()) ? true : null), { what, timeoutMs: 60_000, intervalMs });
}

async function inCrowds(ids: readonly string[], work: (id: string, index: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < ids.length; first += atOnce) {
    await Promise.all(ids.slice(first, first + atOnce).map((id, index) => work(id, first + index)));
  }
}
