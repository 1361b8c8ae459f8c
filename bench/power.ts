import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { connectLibvirt, DomainState, type Libvirt } from '../src/libvirt/index.ts';
import { controlQueue } from '../src/model/queues.ts';
import type { BenchCloud } from './bring-up.ts';
import type { Contest } from './contest.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import { proveAlive } from './guests.ts';
import type { Say } from './say.ts';

/** What is done to a running guest, in an order that leaves it running: ours by an operation, the floor's by one libvirt call. */
const acts = [
  { name: 'pause', type: 'pauseInstance', how: {}, call: 'domainSuspend', becomes: DomainState.paused },
  { name: 'unpause', type: 'unpauseInstance', how: {}, call: 'domainResume', becomes: DomainState.running },
  { name: 'stop, hard', type: 'stopInstance', how: { mode: 'hard' }, call: 'domainDestroyFlags', becomes: DomainState.shutoff },
  { name: 'start', type: 'startInstance', how: {}, call: 'domainCreateWithFlags', becomes: DomainState.running },
] as const;

type Act = (typeof acts)[number];

const pollMs = 2;

/** Stops, starts, pauses and unpauses a guest of ours and one of the floor's on the same host, in turns. */
export async function power({ ours, floor }: Contest, { client }: BenchCloud, rounds: number, say: Say): Promise<readonly Figure[]> {
  const samples = new Map(acts.map(({ name }) => [name, { ours: [] as number[], floor: [] as number[] }]));
  const voidBecause = await reasonToVoid(async () => {
    const guest = await ours.build();
    const other = await floor.build(guest.host);
    const socket = guest.host.libvirtSocket;
    await using acting = connectLibvirt({ socket });
    await using watching = connectLibvirt({ socket });
    for (let round = 1; round <= rounds; round += 1) {
      await Promise.all([proveAlive(guest), proveAlive(other)]);
      const said: string[] = [];
      for (const act of acts) {
        const oursMs = await timed(watching, guest.id, act, () => operate(client, guest.id, act));
        const floorMs = await timed(watching, other.id, act, () => acting[act.call]({ dom: { uuid: other.id } }));
        samples.get(act.name)?.ours.push(oursMs);
        samples.get(act.name)?.floor.push(floorMs);
        said.push(`${act.name} ${oursMs.toFixed(0)} (floor ${floorMs.toFixed(0)})`);
      }
      say(`${round}/${rounds} on ${guest.host.name}: ${said.join(', ')} ms`);
    }
    await ours.remove(guest);
    await floor.remove(other);
  });
  return acts.map(({ name }) => figureOf(name, samples.get(name) ?? { ours: [], floor: [] }, voidBecause));
}

function figureOf(name: Act['name'], { ours, floor }: { ours: number[]; floor: number[] }, voidBecause: string | null): Figure {
  const isPause = name === 'pause' || name === 'unpause';
  const limit: Figure['limit'] = isPause ? { text: '400 ms', of: () => 400 } : { text: 'floor + 300 ms', of: (beside) => beside + 300 };
  return { name, unit: 'ms', ours, beside: { what: 'floor', samples: floor }, limit, voidBecause };
}

/** From before it is asked for until it was answered and a connection of somebody else sees it. */
async function timed(watching: Libvirt, uuid: string, { becomes }: Act, act: () => Promise<unknown>): Promise<number> {
  const askedAt = performance.now();
  await act();
  while ((await watching.domainGetState({ dom: { uuid } })).state !== becomes) await setTimeout(pollMs);
  return performance.now() - askedAt;
}

function operate(client: Client, instanceId: string, { type, how }: Act): Promise<unknown> {
  const workflowId = `bench-${type}-${randomUUID()}`;
  return client.workflow.execute(type, { taskQueue: controlQueue, workflowId, args: [{ instanceId, ...how }] });
}
