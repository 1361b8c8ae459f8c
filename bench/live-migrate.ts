import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import { type LabHost, runInHost } from '../lab/lab.ts';
import { run } from '../lab/run.ts';
import { connectLibvirt, DomainMigrate, DomainState, JobStats, type Libvirt, valuesOf } from '../src/libvirt/index.ts';
import { downtimeAt, downtimeSteps } from '../src/model/live-migration/downtime.ts';
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
const pingSeconds = 0.2;
/** The pause that ours may have at first: with a longer one a migration is over sooner, and its guest stands still for longer. */
const firstDowntimeMs = downtimeAt(downtimeSteps({ maxMs: 500, steps: 10, delaySeconds: 0 }), -1);

/** What a migration cost, and how many pings the guest missed meanwhile. */
interface Cost {
  readonly movedMs: number;
  readonly downtimeMs: number;
  readonly lostPings: number;
}

/** What was measured, the runs that it was measured of, and what the floor's consist of. */
interface Migrations {
  readonly figures: readonly Figure[];
  readonly workflowIds: readonly string[];
  readonly floorParts: readonly FloorParts[];
}

/**
 * Moves running guests of ours and of the floor's from one host to the other, each with a directory of its own, by TLS. The floor does what
 * cannot be left out: makes the overlay to be mirrored into, copies what the guest boots with and its config drive, has libvirt move it
 * with the pause that ours may have, and removes its files. The drive goes by rsync over ssh: never in the clear, as with ours.
 */
export async function liveMigrations({ ours, floor }: Contest, cloud: BenchCloud, rounds: number, say: Say): Promise<Migrations> {
  const costs: { readonly ours: Cost[]; readonly floor: Cost[] } = { ours: [], floor: [] };
  const workflowIds: string[] = [];
  const floorParts: FloorParts[] = [];
  const voidBecause = await reasonToVoid(async () => {
    const links = new Map(cloud.lab.hosts.map((host) => [host.name, connectLibvirt({ socket: host.libvirtSocket })]));
    const linkTo = ({ name }: LabHost) => links.get(name) ?? missing(name);
    const [first = missing('one'), second = missing('another')] = cloud.lab.hosts;
    await using there = await plainRsync(first, second);
    await using back = await plainRsync(second, first);
    try {
      for (let round = 1; round <= rounds; round += 1) {
        const guest = await ours.build();
        const other = await floor.build(guest.host);
        await Promise.all([proveAlive(guest), proveAlive(other)]);
        const to = cloud.lab.hosts.find(({ name }) => name !== guest.host.name) ?? missing('another');
        const between = { from: linkTo(guest.host), to: linkTo(to), rsync: guest.host.name === first.name ? there : back };
        const workflowId = `bench-live-migrate-${randomUUID()}`;
        workflowIds.push(workflowId);
        const request = { instanceId: guest.id, host: to.name };
        costs.ours.push(
          await cost(between.to, guest, () =>
            cloud.client.workflow.execute('liveMigrateInstance', { taskQueue: controlQueue, workflowId, args: [request] }),
          ),
        );
        costs.floor.push(
          await cost(between.to, other, async () => {
            floorParts.push(await movedByFloor(between, other, to));
          }),
        );
        const [our, theirs] = [costs.ours.at(-1), costs.floor.at(-1)];
        say(
          `${round}/${rounds} live: ${our?.movedMs.toFixed(0)} (floor ${theirs?.movedMs.toFixed(0)}) ms, still for ${our?.downtimeMs} ms`,
        );
        await ours.remove({ ...guest, host: to });
        await floor.remove({ ...other, host: to });
      }
    } finally {
      for (const link of links.values()) await link[Symbol.asyncDispose]();
    }
  });
  const figure = (name: string, unit: Figure['unit'], of: (one: Cost) => number, limit: Figure['limit']): Figure => ({
    ...{ name, unit, ours: costs.ours.map(of), beside: { what: 'floor', samples: costs.floor.map(of) }, limit, voidBecause },
  });
  return {
    figures: [
      figure('live migration', 'ms', ({ movedMs }) => movedMs, { text: 'floor + 400 ms', of: (beside) => beside + 400 }),
      figure('live migration, guest still', 'ms', ({ downtimeMs }) => downtimeMs, { text: '100 ms', of: () => 100 }),
      figure('live migration, lost pings', 'pings', ({ lostPings }) => lostPings, { text: '1', of: () => 1 }),
    ],
    workflowIds,
    floorParts,
  };
}

/** From before it is asked for until it is over and a connection of somebody else sees the guest run there. */
async function cost(there: Libvirt, { id: uuid, ip }: Guest, move: () => Promise<unknown>): Promise<Cost> {
  const pinging = execa('ping', ['-i', `${pingSeconds}`, ip], { reject: false });
  await setTimeout(pingSeconds * 1000);
  const askedAt = performance.now();
  await move();
  while ((await there.domainGetState({ dom: { uuid } })).state !== DomainState.running) await setTimeout(pollMs);
  const movedMs = performance.now() - askedAt;
  await setTimeout(5 * pingSeconds * 1000);
  pinging.kill('SIGINT');
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec((await pinging).stdout) ?? [];
  const { params } = await there.domainGetJobStats({ dom: { uuid }, flags: JobStats.completed | JobStats.keepCompleted });
  return { movedMs, downtimeMs: Number(valuesOf(params).get('downtime') ?? 0), lostPings: Number(sent) - Number(received) };
}

/** The same with everything decided before: one attempt each, nothing looked at, nothing synced, nothing remembered. */
async function movedByFloor(
  { from, rsync }: { readonly from: Libvirt; readonly rsync: PlainRsync },
  { id: uuid, host: source }: Guest,
  to: LabHost,
): Promise<FloorParts> {
  const [before, after] = [join(source.instancesDir, uuid), join(to.instancesDir, uuid)];
  const lap = stopwatch();
  const described = await runInHost(source, ['qemu-img', 'info', '-U', '--output=json', `${instances}/${uuid}/disk`]);
  const { 'backing-filename': base, 'virtual-size': size } = JSON.parse(described) as {
    'backing-filename': string;
    'virtual-size': number;
  };
  await mkdir(after);
  await runInHost(to, ['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', base, `${instances}/${uuid}/disk`, `${size}`]);
  const vessel = lap();
  await run('cp', ['--sparse=always', ...['kernel', 'ramdisk'].map((name) => join(before, name)), after]);
  const boot = lap();
  await rsync.copy([], [`${instances}/${uuid}/disk.config`], `${instances}/${uuid}`);
  const drive = lap();
  await from.domainMigrateSetMaxDowntime({ dom: { uuid }, downtimeMs: BigInt(firstDowntimeMs) });
  const { live, peer2peer, persistDestination, undefineSource, nonSharedIncremental, tls } = DomainMigrate;
  await from.domainMigratePerform3Params({
    dom: { uuid },
    destinationUri: `qemu+tls://${to.address}/system`,
    params: [
      { field: 'migrate_uri', type: 'string', value: `tcp://${to.address}` },
      { field: 'migrate_disks', type: 'string', value: 'vda' },
    ],
    cookie: Buffer.alloc(0),
    flags: live | peer2peer | persistDestination | undefineSource | nonSharedIncremental | tls,
  });
  const migrate = lap();
  await rm(before, { recursive: true });
  return { vessel, boot, drive, migrate, remove: lap() };
}

function missing(host: string): never {
  throw new Error(`there is no host ${host}`);
}
