import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { importGuest } from '../lab/cloud.ts';
import { buildGuest, type LabHost } from '../lab/lab.ts';
import { connectLibvirt, type Libvirt, Lifecycle } from '../src/libvirt/index.ts';
import type { Image } from '../src/model/image.ts';
import type { Instance } from '../src/model/instance.ts';
import { controlQueue } from '../src/model/queues.ts';
import type { BenchCloud } from './bring-up.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import { whenUp } from './guests.ts';
import type { Say } from './say.ts';

/** How often the guest shows that it lives. */
const tickMs = 20;

/**
 * How long a guest stands still while a live snapshot of it is taken, beside how long it does in an equal time while the same is read and
 * stored of another disk: the largest gap between two of its ticks, as they arrive on its console.
 */
export async function ticker(cloud: BenchCloud, rounds: number, say: Say): Promise<readonly Figure[]> {
  const [live, beside]: [number[], number[]] = [[], []];
  const voidBecause = await reasonToVoid(async () => {
    const guest = await buildGuest({});
    await importGuest(cloud, { ...guest, cmdline: `${guest.cmdline} ticker=${tickMs}` }, 'ticker');
    const ticking = await built(cloud, 'ticking');
    const other = await built(cloud, 'other', ticking);
    await run(cloud, 'stopInstance', { instanceId: other.id, mode: 'hard' });
    const host = hostOf(cloud, ticking);
    await using libvirt = connectLibvirt({ socket: host.libvirtSocket });
    await using ticks = await ticksOf(libvirt, ticking);
    for (let round = 1; round <= rounds; round += 1) {
      const taken = await ticks.largestGapDuring(() => snapshot(cloud, ticking, 'live'), 0);
      const stored = await ticks.largestGapDuring(() => snapshot(cloud, other, 'cold'), taken.tookMs);
      live.push(taken.gapMs);
      beside.push(stored.gapMs);
      say(
        `${round}/${rounds} on ${host.name}: ${taken.gapMs.toFixed(0)} ms in ${taken.tookMs.toFixed(0)}, beside ${stored.gapMs.toFixed(0)} ms`,
      );
    }
    if (ticks.suspensions() > 0) throw new Error(`the guest was suspended ${ticks.suspensions()} times`);
    for (const { id: instanceId } of [ticking, other]) await run(cloud, 'deleteInstance', { instanceId });
  });
  return [
    {
      name: 'largest gap in a live snapshot',
      unit: 'ms',
      ours: live,
      beside: { what: 'another disk', samples: beside },
      limit: { text: 'beside + 200 ms', of: (other) => other + 200 },
      voidBecause,
    },
  ];
}

/** What a guest shows while it is looked at. */
interface Ticks extends AsyncDisposable {
  /** The largest time without a tick while `work` is done, and until `leastMs` are over. */
  readonly largestGapDuring: (
    work: () => Promise<unknown>,
    leastMs: number,
  ) => Promise<{ readonly gapMs: number; readonly tookMs: number }>;
  /** How often libvirt said that the guest was suspended. */
  readonly suspensions: () => number;
}

async function ticksOf(libvirt: Libvirt, { id: uuid }: Instance): Promise<Ticks> {
  const dom = { uuid };
  let suspensions = 0;
  const unsubscribe = await libvirt.subscribe('lifecycle', ({ dom: { uuid: about }, event }) => {
    if (about === uuid && event === Lifecycle.suspended) suspensions += 1;
  });
  const arrivals: number[] = [];
  const console = await libvirt.openConsole({ dom });
  console.on('data', () => arrivals.push(performance.now()));
  return {
    largestGapDuring: async (work, leastMs) => {
      const from = performance.now();
      await work();
      const tookMs = performance.now() - from;
      await setTimeout(Math.max(0, leastMs - tookMs));
      const seen = [from, ...arrivals.filter((at) => at > from), performance.now()];
      return { gapMs: Math.max(...seen.slice(1).map((at, index) => at - (seen[index] ?? at))), tookMs };
    },
    suspensions: () => suspensions,
    [Symbol.asyncDispose]: async () => {
      unsubscribe();
      console.destroy();
    },
  };
}

async function built(cloud: BenchCloud, name: string, beside?: Instance): Promise<Instance> {
  const hints = beside === undefined ? {} : { hints: { same_host: [beside.id] } };
  const instance = await run<Instance>(cloud, 'buildInstance', { name, image: 'ticker', flavor: 'lab.tiny', ...hints });
  await whenUp({ id: instance.id, host: hostOf(cloud, instance) });
  return instance;
}

/** Takes one and deletes it. */
async function snapshot(cloud: BenchCloud, { id: instanceId }: Instance, mode: 'live' | 'cold'): Promise<void> {
  const { id: imageId } = await run<Image>(cloud, 'snapshotInstance', { instanceId, name: mode, mode });
  await run(cloud, 'deleteImage', { imageId });
}

function hostOf({ lab }: BenchCloud, { host }: Instance): LabHost {
  const found = lab.hosts.find(({ name }) => name === host);
  if (found === undefined) throw new Error(`there is no host ${host}`);
  return found;
}

function run<Result>({ client }: BenchCloud, type: string, request: object): Promise<Result> {
  return client.workflow.execute(type, { taskQueue: controlQueue, workflowId: `bench-${type}-${randomUUID()}`, args: [request] });
}
