import type { Client } from '@temporalio/client';
import type { Lab, LabHost } from '../lab/lab.ts';
import { controlQueue } from '../src/model/queues.ts';
import type { BenchCloud } from './bring-up.ts';
import { type DomainWatch, watchDomains } from './domain-watch.ts';
import { type FloorBuilder, floorBuilder } from './floor-builder.ts';
import { type Builder, proveAlive } from './guests.ts';
import { historyOf } from './history.ts';
import { type OurGuest, type OurRequest, ourBuilder } from './our-builder.ts';
import { inputsOf, planner } from './plans.ts';

/** The two that are held against each other, on the same hosts, both warmed up. */
export interface Contest {
  readonly ours: Builder<OurGuest, []>;
  readonly floor: FloorBuilder;
}

/** Builds a guest on each host, from which the floor learns what to build; it brings the image to the host, too. */
export async function prepareContest(
  stack: AsyncDisposableStack,
  { lab, client }: BenchCloud,
  request: OurRequest = { flavor: 'lab.tiny' },
): Promise<Contest> {
  const watches = new Map<string, DomainWatch>();
  for (const host of lab.hosts) watches.set(host.name, stack.use(await watchDomains(host)));
  const ours = ourBuilder(lab, client, watches, request);
  const floorHosts = new Map<string, { watch: DomainWatch; plan: Awaited<ReturnType<typeof planner>> }>();
  for (const [name, watch] of watches) {
    const guest = await onlyOn(name, lab, client, () => ours.build());
    floorHosts.set(name, { watch, plan: await planner(inputsOf(await historyOf(client, guest.buildId)), watch.libvirt) });
    await proveAlive(guest);
    await ours.remove(guest);
  }
  const floor = await floorBuilder(lab, floorHosts);
  for (const host of lab.hosts) await warmUp(floor, host);
  return { ours, floor };
}

async function warmUp(floor: FloorBuilder, host: LabHost): Promise<void> {
  const guest = await floor.build(host);
  await proveAlive(guest);
  await floor.remove(guest);
  floor.parts.builds.length = 0;
  floor.parts.deletes.length = 0;
}

/** Does `work` while no other host takes instances. */
async function onlyOn<T>(name: string, { hosts }: Lab, client: Client, work: () => Promise<T>): Promise<T> {
  const others = hosts.map((host) => host.name).filter((host) => host !== name);
  const change = (type: string, request: object) =>
    client.workflow.execute(type, { taskQueue: controlQueue, workflowId: `bench-${type}-${crypto.randomUUID()}`, args: [request] });
  for (const host of others) await change('disableHost', { host, reason: 'the bench wants another' });
  try {
    return await work();
  } finally {
    for (const host of others) await change('enableHost', { host });
  }
}
