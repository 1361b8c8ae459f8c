import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { type LabHost, runInHost } from '../lab/lab.ts';
import { connectLibvirt, DomainState, DomainUndefine, DomainXml, type Libvirt } from '../src/libvirt/index.ts';
import type { Instance } from '../src/model/instance.ts';
import { controlQueue } from '../src/model/queues.ts';
import type { BenchCloud } from './bring-up.ts';
import type { Contest } from './contest.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import { type FloorParts, stopwatch } from './floor.ts';
import { type Guest, proveAlive } from './guests.ts';
import { type PlainRsync, plainRsync } from './plain-rsync.ts';
import type { Say } from './say.ts';

const pollMs = 5;
const instances = '/var/lib/nova/instances';
/** Grows an overlay with the file system that fills it; it is flattened by that. `$0`: its directory. */
const grow = `cd "$0"
qemu-img convert -f qcow2 -O raw disk grown; truncate --size 2G grown; e2fsck -fp grown >/dev/null || [ $? -lt 4 ]; resize2fs grown 2>/dev/null
qemu-img convert -f raw -O qcow2 grown disk.new; sync disk.new; mv disk.new disk; rm grown`;
const flavor = { vcpus: 1, memoryMiB: 128, rootGiB: 1 };
/** What becomes larger, one after another: the disk does so once. */
const kinds = { memory: { ...flavor, memoryMiB: 136 }, root: { ...flavor, rootGiB: 2 } } as const;
type Kind = keyof typeof kinds;

interface Samples {
  readonly ours: number[];
  readonly floor: number[];
}

/**
 * Resizes guests of ours and of the floor's from one host to the other, each with a directory of its own, and confirms. The floor runs the
 * same commands by hand: ends the guest, keeps its files, sends them by rsync over ssh, grows the disk that grows with its file system,
 * checks it, defines the guest and starts it there. No guest is asked to shut down.
 */
export async function resizes({ ours, floor }: Contest, cloud: BenchCloud, rounds: number, say: Say): Promise<Resizes> {
  const none = (): Samples => ({ ours: [], floor: [] });
  const samples: Readonly<Record<Kind | 'confirm', Samples>> = { memory: none(), root: none(), confirm: none() };
  const resizeIds: Record<Kind, string[]> = { memory: [], root: [] };
  const floorParts: Record<Kind, FloorParts[]> = { memory: [], root: [] };
  const voidBecause = await reasonToVoid(async () => {
    const links = new Map(cloud.lab.hosts.map((host) => [host.name, connectLibvirt({ socket: host.libvirtSocket })]));
    const linkTo = ({ name }: LabHost) => links.get(name) ?? missing(name);
    const [first = missing('one'), second = missing('another')] = cloud.lab.hosts;
    await using there = await plainRsync(first, second);
    await using back = await plainRsync(second, first);
    try {
      for (let round = 1; round <= rounds; round += 1) {
        for (const kind of ['memory', 'root'] as const) {
          const guest = await ours.build();
          const other = await floor.build(guest.host);
          await Promise.all([proveAlive(guest), proveAlive(other)]);
          const to = cloud.lab.hosts.find(({ name }) => name !== guest.host.name) ?? missing('another');
          const our = await resizedByUs(cloud.client, linkTo(to), { guest, to, kind });
          await proveAlive({ ...guest, host: to });
          const ways = { from: linkTo(guest.host), to: linkTo(to), rsync: guest.host.name === first.name ? there : back };
          const theirs = await resizedByFloor(ways, { guest: other, to, kind });
          await proveAlive({ ...other, host: to });
          resizeIds[kind].push(our.workflowId);
          floorParts[kind].push(theirs.parts);
          samples[kind].ours.push(our.resizedMs);
          samples[kind].floor.push(theirs.resizedMs);
          samples.confirm.ours.push(our.confirmedMs);
          samples.confirm.floor.push(theirs.confirmedMs);
          say(
            `${round}/${rounds} ${kind}: ${our.resizedMs.toFixed(0)} (floor ${theirs.resizedMs.toFixed(0)}) ms, confirm ${our.confirmedMs.toFixed(0)} ms`,
          );
          await ours.remove({ ...guest, host: to });
          await floor.remove({ ...other, host: to });
        }
      }
    } finally {
      for (const link of links.values()) await link[Symbol.asyncDispose]();
    }
  });
  const figure = (name: string, { ours: own, floor: beside }: Samples, limit: Figure['limit']): Figure => ({
    ...{ name, unit: 'ms', ours: own, beside: { what: 'floor', samples: beside }, limit, voidBecause },
  });
  const nearFloor: Figure['limit'] = { text: 'floor + 600 ms', of: (beside) => beside + 600 };
  return {
    figures: [
      figure('resize, memory alone', samples.memory, nearFloor),
      figure('resize, root 1 → 2 GiB', samples.root, nearFloor),
      figure('confirm a resize', samples.confirm, { text: '300 ms', of: () => 300 }),
    ],
    resizeIds,
    floorParts,
  };
}

/** What was measured, the runs that it was measured of, and what the floor's consist of. */
interface Resizes {
  readonly figures: readonly Figure[];
  readonly resizeIds: Readonly<Record<Kind, readonly string[]>>;
  readonly floorParts: Readonly<Record<Kind, readonly FloorParts[]>>;
}

interface Moving {
  readonly guest: Guest;
  readonly to: LabHost;
  readonly kind: Kind;
}

interface Took {
  readonly resizedMs: number;
  readonly confirmedMs: number;
}

/** From before it is asked for until its record says so and a connection of somebody else sees it run there. */
async function resizedByUs(
  client: Client,
  watching: Libvirt,
  { guest, to, kind }: Moving,
): Promise<Took & { readonly workflowId: string }> {
  const askedAt = performance.now();
  const request = { instanceId: guest.id, flavor: { name: kind, ...kinds[kind] }, host: to.name };
  const workflowId = `bench-resize-${randomUUID()}`;
  const resize = await client.workflow.start('resizeInstance', { taskQueue: controlQueue, workflowId, args: [request] });
  const record = client.workflow.getHandle(`instance/${guest.id}`);
  while ((await record.query<Instance>('record')).vmState !== 'resized') await requireRunning(resize);
  while ((await watching.domainGetState({ dom: { uuid: guest.id } })).state !== DomainState.running) await setTimeout(pollMs);
  const resizedMs = performance.now() - askedAt;

  const decidedAt = performance.now();
  await resize.executeUpdate<void, [object]>('confirm', { args: [{}] });
  await resize.result();
  return { resizedMs, confirmedMs: performance.now() - decidedAt, workflowId };
}

/** Raises how the resize ended when it did. */
async function requireRunning(resize: WorkflowHandle): Promise<void> {
  await Promise.race([resize.result(), setTimeout(pollMs)]);
}

/** The same with everything decided before: one attempt each, nothing remembered. */
async function resizedByFloor(
  { from, to: there, rsync }: { readonly from: Libvirt; readonly to: Libvirt; readonly rsync: PlainRsync },
  { guest, to, kind }: Moving,
): Promise<Took & { readonly parts: FloorParts }> {
  const dom = { uuid: guest.id };
  const xml = await from.domainGetXmlDesc({ dom, flags: DomainXml.inactive });
  const [before, aside] = [join(guest.host.instancesDir, guest.id), join(guest.host.instancesDir, `${guest.id}_resize`)];
  const directory = join(instances, guest.id);

  const askedAt = performance.now();
  const lap = stopwatch();
  await from.domainDestroyFlags({ dom, flags: 0 });
  const destroy = lap();
  await rename(before, aside);
  await mkdir(join(to.instancesDir, guest.id));
  const files = ['disk', 'disk.config', 'kernel', 'ramdisk'].map((name) => join(`${directory}_resize`, name));
  await rsync.copy(['--sparse'], files, directory);
  const sent = lap();
  if (kind === 'root') await runInHost(to, ['sh', '-euc', grow, directory]);
  const grown = lap();
  await runInHost(to, ['qemu-img', 'check', '-q', '-f', 'qcow2', join(directory, 'disk')]);
  const check = lap();
  await there.domainDefineXmlFlags({ xml, flags: 0 });
  const define = lap();
  await there.domainCreateWithFlags({ dom, flags: 0 });
  const parts = { destroy, rsync: sent, grow: grown, check, define, start: lap() };
  const resizedMs = performance.now() - askedAt;

  const decidedAt = performance.now();
  await from.domainUndefineFlags({ dom, flags: DomainUndefine.keepNvram });
  await rm(aside, { recursive: true });
  return { resizedMs, confirmedMs: performance.now() - decidedAt, parts };
}

function missing(host: string): never {
  throw new Error(`there is no host ${host}`);
}
