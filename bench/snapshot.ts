import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type LabHost, runInHost } from '../lab/lab.ts';
import { BlockCopy, connectLibvirt, DomainState, type Libvirt, Lifecycle } from '../src/libvirt/index.ts';
import type { Image } from '../src/model/image.ts';
import type { Instance } from '../src/model/instance.ts';
import { copyTargetXml, liveDiskOf } from '../src/model/live-disk.ts';
import { controlQueue } from '../src/model/queues.ts';
import type { SnapshotMode } from '../src/model/snapshot-mode.ts';
import type { BenchCloud } from './bring-up.ts';
import type { Contest } from './contest.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import { proveAlive } from './guests.ts';
import { toldAt } from './history.ts';
import { watchMemory } from './memory.ts';
import { writeRandom } from './random-file.ts';
import type { Say } from './say.ts';

const MiB = 1024 ** 2;
const allowanceMs = 300;
/** What Nova took for a guest that is stopped, on a machine like the one of the figures. */
const novaMs = 650;

/**
 * Images of a guest that runs on, of one that is stopped, and of one that runs and is away meanwhile: ours from the request until the
 * record of the image says that it is active, by the server's clock; and in turns with it, of the same guest, what the commands and libvirt calls take that nobody can do without: save, `qemu-img convert`, start,
 * `cp` into the store, `sync`. Then of a large disk with little in it, and of one that is as large as that little.
 */
export async function snapshots(contest: Contest, cloud: BenchCloud, rounds: number, say: Say): Promise<Snapshots> {
  const workflowIds: Record<Kind, string[]> = { live: [], running: [], stopped: [] };
  const bench = { contest, cloud, rounds, say, workflowIds };
  const figures = [...(await liveOnes(bench)), ...(await coldOnes(bench)), ...(await sparseOnes(cloud, rounds, say))];
  return { figures, workflowIds };
}

type Kind = 'live' | 'running' | 'stopped';

/** What was measured, and the runs that it was measured of. */
interface Snapshots {
  readonly figures: readonly Figure[];
  readonly workflowIds: Readonly<Record<Kind, readonly string[]>>;
}

interface Bench {
  readonly contest: Contest;
  readonly cloud: BenchCloud;
  readonly rounds: number;
  readonly say: Say;
  /** Is told each run of ours. */
  readonly workflowIds: Record<Kind, string[]>;
}

interface Samples {
  readonly ours: number[];
  readonly floor: number[];
}

async function liveOnes({ contest: { ours }, cloud, rounds, say, workflowIds }: Bench): Promise<readonly Figure[]> {
  const live = noSamples();
  const voidBecause = await reasonToVoid(async () => {
    const guest = await ours.build();
    const { host, id } = guest;
    await using acting = connectLibvirt({ socket: host.libvirtSocket });
    for (let round = 1; round <= rounds; round += 1) {
      await proveAlive(guest);
      live.ours.push(await snapshot(cloud, id, 'live', workflowIds.live));
      live.floor.push(await timed(() => floorOfLive(acting, cloud, host, id)));
      say(`${round}/${rounds} live: ${last(live)} ms`);
    }
    await ours.remove(guest);
  });
  return [figureOf('live snapshot of a running guest → active', live, voidBecause)];
}

function figureOf(name: string, { ours, floor }: Samples, voidBecause: string | null): Figure {
  return {
    ...{ name, unit: 'ms', ours, voidBecause },
    beside: { what: 'floor', samples: floor },
    limit: { text: `floor + ${allowanceMs} ms`, of: (beside) => beside + allowanceMs },
  };
}

async function coldOnes({ contest: { ours }, cloud, rounds, say, workflowIds }: Bench): Promise<readonly Figure[]> {
  const [running, away, stopped]: readonly [Samples, Samples, Samples] = [noSamples(), noSamples(), noSamples()];
  const voidBecause = await reasonToVoid(async () => {
    const guest = await ours.build();
    const { host, id } = guest;
    await using acting = connectLibvirt({ socket: host.libvirtSocket });
    await using watching = connectLibvirt({ socket: host.libvirtSocket });
    const absence = await watchAbsence(watching, id);
    const by = {
      ours: () => snapshot(cloud, id, 'cold', workflowIds.running),
      floor: () => timed(() => floorOfRunning(acting, cloud, host, id)),
    };
    for (let round = 1; round <= rounds; round += 1) {
      for (const who of ['ours', 'floor'] as const) {
        await proveAlive(guest);
        running[who].push(await by[who]());
        await whenState(watching, id, DomainState.running);
        away[who].push(absence.take());
      }
      say(`${round}/${rounds} running: ${last(running)}, away ${last(away)} ms`);
    }
    await execute(cloud, 'stopInstance', { instanceId: id });
    for (let round = 1; round <= rounds; round += 1) {
      stopped.ours.push(await snapshot(cloud, id, 'cold', workflowIds.stopped));
      stopped.floor.push(await timed(() => extractAndStore(cloud, host, id)));
      say(`${round}/${rounds} stopped: ${last(stopped)} ms`);
    }
    await ours.remove(guest);
  });
  const figure = (name: string, samples: Samples) => figureOf(name, samples, voidBecause);
  const asNova = {
    text: `floor + ${allowanceMs} ms, and ${novaMs} ms`,
    of: (beside: number) => Math.min(beside + allowanceMs, novaMs),
  };
  return [
    { ...figure('snapshot of a stopped guest → active', stopped), limit: asNova },
    figure('cold snapshot of a running guest → active', running),
    figure('the guest is away for it', away),
  ];
}

/** What of it a guest that is off takes. */
async function extractAndStore(cloud: BenchCloud, host: LabHost, id: string): Promise<void> {
  await extract(host, id);
  await store(cloud, host, id);
}

async function floorOfRunning(libvirt: Libvirt, cloud: BenchCloud, host: LabHost, uuid: string): Promise<void> {
  await libvirt.domainManagedSave({ dom: { uuid } });
  await extract(host, uuid);
  await libvirt.domainCreateWithFlags({ dom: { uuid }, flags: 0 });
  await store(cloud, host, uuid);
}

/** The copy of the disk that nobody can do without: onto the disk's own base, until it is ready, and ended then. */
async function floorOfLive(libvirt: Libvirt, cloud: BenchCloud, host: LabHost, uuid: string): Promise<void> {
  const [dom, disk, delta] = [{ uuid }, 'vda', `${directoryOf(uuid)}/delta`];
  const look = async () => liveDiskOf(await libvirt.domainGetXmlDesc({ dom }), disk);
  const [{ base }, { capacity }] = [await look(), await libvirt.domainGetBlockInfo({ dom, path: disk })];
  if (base === null) throw new Error('the disk is no overlay');
  await runInHost(host, ['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', base.format, '-b', base.path, delta, `${capacity}`]);
  const flags = BlockCopy.shallow | BlockCopy.reuseExternal | BlockCopy.transientJob;
  await libvirt.domainBlockCopy({ dom, path: disk, destinationXml: copyTargetXml(delta), params: [], flags });
  while ((await look()).mirror?.isReady !== true) await setTimeout(2);
  await libvirt.domainBlockJobAbort({ dom, path: disk });
  await extract(host, uuid, 'delta');
  await runInHost(host, ['rm', delta]);
  await store(cloud, host, uuid);
}

const directoryOf = (id: string) => `/var/lib/nova/instances/${id}`;

/** The guest's disk is an overlay, as hosts keep disks when nobody says otherwise. */
async function extract(host: LabHost, id: string, name = 'disk'): Promise<void> {
  await runInHost(host, ['qemu-img', 'convert', '-f', 'qcow2', '-O', 'qcow2', `${directoryOf(id)}/${name}`, `${directoryOf(id)}/floor`]);
}

async function store(cloud: BenchCloud, host: LabHost, id: string): Promise<void> {
  const [from, to] = [`${directoryOf(id)}/floor`, join(storeOf(cloud), `floor-${id}`)];
  await runInHost(host, ['sh', '-c', 'cp --sparse=always "$0" "$1" && sync "$1" && rm "$0" "$1"', from, to]);
}

/** How long the processors of a guest stood still since it was asked last, by the events of its domain. */
async function watchAbsence(libvirt: Libvirt, id: string): Promise<{ readonly take: () => number }> {
  let since: number | null = null;
  let total = 0;
  await libvirt.subscribe('lifecycle', ({ dom: { uuid }, event }) => {
    if (uuid !== id) return;
    const isGoing = event === Lifecycle.suspended || event === Lifecycle.stopped;
    if (isGoing) since ??= performance.now();
    if (event === Lifecycle.resumed && since !== null) {
      total += performance.now() - since;
      since = null;
    }
  });
  return {
    take: () => {
      const taken = total;
      total = 0;
      return taken;
    },
  };
}

async function whenState(libvirt: Libvirt, uuid: string, wanted: number): Promise<void> {
  while ((await libvirt.domainGetState({ dom: { uuid } })).state !== wanted) await setTimeout(2);
}

const contentMiB = 200;
const contentName = `bench-${contentMiB}-mib`;

/** Disks with the same in them: one of 4 GiB, and one that is no larger than that. */
async function sparseOnes(cloud: BenchCloud, rounds: number, say: Say): Promise<readonly Figure[]> {
  const samples = noSamples();
  const source = join(cloud.settings['NOVAFLOW_IMPORT_DIRECTORY'] ?? '', contentName);
  let peakMB = Number.NaN;
  const voidBecause = await reasonToVoid(async () => {
    await writeRandom(source, contentMiB * MiB);
    const image = (await execute(cloud, 'importImage', { name: contentName, source: `file:${contentName}`, diskFormat: 'raw' })) as Image;
    const [large, small] = [await stoppedGuest(cloud, image.id, 4), await stoppedGuest(cloud, image.id, 0)];
    const stopWatching = watchMemory(cloud.workers.compute);
    for (let round = 1; round <= rounds; round += 1) {
      samples.ours.push(await snapshot(cloud, large));
      samples.floor.push(await snapshot(cloud, small));
      say(
        `${round}/${rounds} with ${contentMiB} MiB: in 4 GiB ${samples.ours.at(-1)?.toFixed(0)}, alone ${samples.floor.at(-1)?.toFixed(0)} ms`,
      );
    }
    peakMB = Math.max(...[...stopWatching().values()].map(({ pssMB }) => pssMB));
    for (const instanceId of [large, small]) await execute(cloud, 'deleteInstance', { instanceId });
  });
  await rm(source, { force: true });
  return [
    {
      ...{ name: `snapshot of 4 GiB with ${contentMiB} MiB in them`, unit: 'ms', ours: samples.ours, voidBecause },
      beside: { what: `${contentMiB} MiB alone`, samples: samples.floor },
      limit: { text: `as ${contentMiB} MiB alone + 10 %`, of: (beside) => 1.1 * beside },
    },
    {
      ...{
        name: `compute worker and qemu-img, snapshots of ${contentMiB} MiB, PSS`,
        unit: 'MB',
        ours: [peakMB],
        beside: null,
        voidBecause,
      },
      limit: { text: '200 MB', of: () => 200 },
    },
  ];
}

async function stoppedGuest(cloud: BenchCloud, image: string, rootGiB: number): Promise<string> {
  const flavor = { name: `root-${rootGiB}`, vcpus: 1, memoryMiB: 16, rootGiB };
  const { id: instanceId } = (await execute(cloud, 'buildInstance', { name: 'bench', image, flavor })) as Instance;
  await execute(cloud, 'stopInstance', { instanceId, mode: 'hard' });
  return instanceId;
}

/** How long it takes until the image is active. It is deleted again, which is not measured. */
async function snapshot(cloud: BenchCloud, instanceId: string, mode: SnapshotMode = 'cold', workflowIds: string[] = []): Promise<number> {
  const workflowId = idFor('snapshotInstance');
  workflowIds.push(workflowId);
  const askedAt = Date.now();
  const { id: imageId } = (await execute(cloud, 'snapshotInstance', { instanceId, name: 'bench', mode }, workflowId)) as Image;
  const activeAt = await toldAt(cloud.client, `image/${imageId}`);
  await execute(cloud, 'deleteImage', { imageId });
  return activeAt - askedAt;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function execute({ client }: BenchCloud, type: string, request: object, workflowId = idFor(type)): Promise<unknown> {
  return client.workflow.execute(type, { taskQueue: controlQueue, workflowId, args: [request] });
}

function idFor(type: string): string {
  return `bench-${type}/${randomUUID()}`;
}

function storeOf({ settings }: BenchCloud): string {
  return settings['NOVAFLOW_IMAGE_STORE_DIRECTORY'] ?? '';
}

function noSamples(): Samples {
  return { ours: [], floor: [] };
}

function last({ ours, floor }: Samples): string {
  return `${ours.at(-1)?.toFixed(0)} (floor ${floor.at(-1)?.toFixed(0)})`;
}
