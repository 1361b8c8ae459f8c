import { setTimeout } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { until } from '../lab/wait.ts';
import { startAndUpdate } from '../src/activities/record-client.ts';
import type { Host } from '../src/model/host.ts';
import type { ClaimRequest, Report } from '../src/model/host-record.ts';
import type { BenchCloud } from './bring-up.ts';
import type { Contest } from './contest.ts';
import type { Figure } from './figures.ts';
import { historyOf, stepOf } from './history.ts';
import type { Say } from './say.ts';

const manyHosts = 1_000;
const atOnce = 20;
/** A decision may take its list of hosts from one made up to a second before; ours shall not. */
const betweenBuildsMs = 1_200;
const small = { vcpus: 4, memoryMiB: 4096, diskGiB: 40 };

/**
 * From the choice of a host, as it is scheduled, to its claim, as it completes: among two hosts, and then among a thousand, all but the two
 * half full. The builds among a thousand are returned, too.
 */
export async function claims(
  { ours }: Contest,
  { client, lab }: BenchCloud,
  builds: number,
  say: Say,
): Promise<{ figures: Figure[]; buildIds: string[] }> {
  const buildIds: string[] = [];
  const few = await sample();
  say(`among ${lab.hosts.length} hosts: ${few.map((ms) => ms.toFixed(0)).join(' ')} ms`);
  await addHosts(client, lab.hosts[0]?.name ?? '', manyHosts - lab.hosts.length, say);
  buildIds.length = 0;
  const many = await sample();
  say(`among ${manyHosts} hosts: ${many.map((ms) => ms.toFixed(0)).join(' ')} ms`);
  const figure: Figure = {
    name: `claim among ${manyHosts} hosts`,
    unit: 'ms',
    ours: many,
    beside: { what: `among ${lab.hosts.length}`, samples: few },
    limit: { text: `1.5 × among ${lab.hosts.length}`, of: (beside) => 1.5 * beside },
    voidBecause: null,
  };
  return { figures: [figure], buildIds };

  async function sample(): Promise<readonly number[]> {
    const samples: number[] = [];
    while (samples.length < builds) {
      await setTimeout(betweenBuildsMs);
      const guest = await ours.build();
      buildIds.push(guest.buildId);
      const history = await historyOf(client, guest.buildId);
      samples.push(stepOf(history, 'claimResources').completedAt - stepOf(history, 'selectHost').scheduledAt);
      await ours.remove(guest);
    }
    return samples;
  }
}

/**
 * Makes the records of `count` more hosts by the messages that a compute worker sends. They are like the host named, but smaller,
 * so that builds still go to those that can build. Resolves when all rest: their first runs have continued as new.
 */
async function addHosts(client: Client, like: string, count: number, say: Say): Promise<void> {
  const model = await client.workflow.getHandle(`host/${like}`).query<Host>('record');
  const rested = "WorkflowType = 'host' AND ExecutionStatus = 'ContinuedAsNew'";
  const restedBefore = (await client.workflow.count(rested)).count;
  for (let first = 1; first <= count; first += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, count - first + 1) }, (_, index) => addHost(client, model, first + index)));
    if (first % 200 === 1) say(`making host records: ${first - 1} of ${count}`);
  }
  say(`${count} host records made; waiting until they rest`);
  const areRested = async () => ((await client.workflow.count(rested)).count >= restedBefore + count ? true : null);
  await until(areRested, { what: `the rest of ${count} host records`, timeoutMs: 600_000, intervalMs: 1000 });
}

async function addHost(client: Client, { inventory, address, ratios }: Host, number: number): Promise<void> {
  const name = `bench-${number}`;
  const report: Report = {
    session: name,
    isAttending: true,
    report: {
      address,
      availabilityZone: null,
      inventory: { ...inventory, ...small },
      reserved: { vcpus: 0, memoryMiB: 0, diskGiB: 0 },
      ratios: { ...ratios, vcpus: 1 },
      unusable: null,
    },
  };
  await startAndUpdate(client, 'host', name, 'report', report);
  const id = crypto.randomUUID();
  const claim: ClaimRequest = { id, instanceId: id, generation: 1, vcpus: 2, memoryMiB: 2048, diskGiB: 20 };
  await client.workflow.getHandle(`host/${name}`).executeUpdate('claim', { args: [claim] });
}
