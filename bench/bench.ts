import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { virtualization } from '../lab/lab.ts';
import { interruption, unlessAborted } from '../scripts/demo/interruption.ts';
import { bringUp } from './bring-up.ts';
import { claims } from './claims.ts';
import { prepareContest } from './contest.ts';
import { emptySteps } from './empty-steps.ts';
import { explanation } from './explain.ts';
import { type Figure, figuresJson, figuresTable, samplesOf, verdictOn } from './figures.ts';
import { imports } from './imports.ts';
import { inspector } from './inspector.ts';
import { liveMigrations } from './live-migrate.ts';
import { allDisks, allDisksRequest, crowds, singles } from './measures.ts';
import { workerMemory } from './memory.ts';
import { type Options, type Part, type PartWithoutCloud, partsWithoutCloud, readOptions, usage } from './options.ts';
import { power } from './power.ts';
import { powerSync } from './power-sync.ts';
import { resizes } from './resize.ts';
import { say } from './say.ts';
import { snapshots } from './snapshot.ts';
import { ticker } from './ticker.ts';
import { transfers } from './transfer.ts';

/** Measures what was asked for and returns the figures; everything that was brought up is gone then. */
async function bench(options: Options, signal: AbortSignal): Promise<Figure[]> {
  const { only, samples, rounds, loads, explains } = options;
  const alone: Readonly<Record<PartWithoutCloud, () => Promise<readonly Figure[]>>> = {
    steps: emptySteps,
    inspector: () => inspector(say),
  };
  const figures: Figure[] = [];
  for (const part of partsWithoutCloud) if (only.includes(part)) figures.push(...(await unlessAborted(signal, alone[part]())));
  const inCloud = only.filter((part) => !partsWithoutCloud.some((one) => one === part)) as readonly Exclude<Part, PartWithoutCloud>[];
  if (inCloud.length === 0) return figures;

  await using stack = new AsyncDisposableStack();
  say('bringing up Temporal, two hosts, workers, an image');
  const cloud = await bringUp(stack, 'bench', signal);
  const contest = await unlessAborted(signal, prepareContest(stack, cloud));
  const measures: Readonly<Record<Exclude<Part, PartWithoutCloud>, () => Promise<readonly Figure[]>>> = {
    singles: async () => {
      const measured = await singles(contest, samples, say);
      if (explains) {
        const { builds, deletes } = contest.floor.parts;
        const ids = (kind: 'buildId' | 'deleteId') => measured.guests.map((guest) => guest[kind]);
        say(await explanation('buildInstance', cloud.client, ids('buildId'), builds));
        say(await explanation('deleteInstance', cloud.client, ids('deleteId'), deletes));
      }
      return measured.figures;
    },
    disks: async () => allDisks(await prepareContest(stack, cloud, allDisksRequest), samples, say),
    crowds: async () => {
      contest.floor.parts.builds.length = 0;
      const measured = await crowds(contest, rounds, say);
      const ids = measured.guests.map(({ buildId }) => buildId);
      if (explains) say(await explanation('buildInstance, ten at once', cloud.client, ids, contest.floor.parts.builds));
      return measured.figures;
    },
    memory: () => workerMemory(contest, cloud, say),
    claims: async () => {
      const measured = await claims(contest, cloud, samples, say);
      if (explains) say(await explanation('buildInstance among a thousand hosts', cloud.client, measured.buildIds, []));
      return measured.figures;
    },
    import: () => imports(cloud, rounds, say),
    power: () => power(contest, cloud, samples, say),
    'power-sync': () => powerSync(contest, cloud, samples, say),
    snapshot: async () => {
      const { figures, workflowIds } = await snapshots(contest, cloud, samples, say);
      if (explains)
        for (const [kind, ids] of Object.entries(workflowIds)) say(await explanation(`snapshotInstance, ${kind}`, cloud.client, ids, []));
      return figures;
    },
    transfer: () => transfers(cloud, rounds, say, loads),
    resize: async () => {
      const { figures, resizeIds, floorParts } = await resizes(contest, cloud, samples, say);
      if (explains)
        for (const kind of ['memory', 'root'] as const)
          say(await explanation(`resizeInstance, ${kind}, and its confirm`, cloud.client, resizeIds[kind], floorParts[kind]));
      return figures;
    },
    'live-migrate': async () => {
      const { figures, workflowIds, floorParts } = await liveMigrations(contest, cloud, samples, say);
      if (explains) say(await explanation('liveMigrateInstance', cloud.client, workflowIds, floorParts));
      return figures;
    },
    ticker: () => ticker(cloud, samples, say),
  };
  for (const part of inCloud) {
    say(part);
    figures.push(...(await unlessAborted(signal, measures[part]())));
  }
  return figures;
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === null) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const machine = { ...(await virtualization()), cpus: availableParallelism(), loadBefore: loadavg()[0], at: new Date().toISOString() };
  say(
    `guests by ${machine.type === 'kvm' ? 'KVM' : 'TCG'} (${machine.why}), ${machine.cpus} CPUs, load ${machine.loadBefore?.toFixed(1)} before`,
  );
  const figures = await bench(options, interruption());
  say(['', ...figures.map(samplesOf), '', figuresTable(figures)].join('\n'));
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify({ machine, figures: figuresJson(figures) }, null, 2)}\n`);
  if (!figures.every((figure) => verdictOn(figure).isReached)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
// A client's connection that was abandoned with its server would keep this process.
process.exit();
