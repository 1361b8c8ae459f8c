import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { virtualization } from '../lab/lab.ts';
import { interruption, unlessAborted } from '../scripts/demo/interruption.ts';
import { bringUp } from './bring-up.ts';
import { claims } from './claims.ts';
import { prepareContest } from './contest.ts';
import { emptySteps } from './empty-steps.ts';
import { explanation } from './explain.ts';
import { type Figure, figuresJson, figuresTable, samplesOf, verdictOn } from './figures.ts';
import { crowds, memory, singles } from './measures.ts';

const parts = ['steps', 'singles', 'crowds', 'memory', 'claims'] as const;
type Part = (typeof parts)[number];

const usage = `Measures novaflow and the floor, which is what the same guests take without it, side by side in one run.

usage: npm run bench -- [--only PART,…] [--samples N] [--rounds N] [--explain] [--json FILE]

  --only     some of ${parts.join(', ')}
  --samples  single builds and deletes, and claims, of each kind (10)
  --rounds   crowds of ten builds of each kind (3)
  --explain  where the time of single builds and deletes goes, step by step
  --json     writes all samples to a file, too`;

interface Options {
  readonly only: readonly Part[];
  readonly samples: number;
  readonly rounds: number;
  readonly explains: boolean;
  readonly json: string | undefined;
}

function readOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      samples: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '3' },
      explain: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [samples, rounds] = [Number(values.samples), Number(values.rounds)];
  const only = parts.filter((part) => values.only === undefined || values.only.split(',').includes(part));
  const isValid = [samples, rounds].every((count) => Number.isInteger(count) && count > 0) && only.length > 0;
  return values.help || !isValid ? null : { only, samples, rounds, explains: values.explain, json: values.json };
}

/** Measures what was asked for and returns the figures; everything that was brought up is gone then. */
async function bench(options: Options, signal: AbortSignal): Promise<Figure[]> {
  const { only, samples, rounds, explains } = options;
  const figures = only.includes('steps') ? await unlessAborted(signal, emptySteps()) : [];
  if (only.every((part) => part === 'steps')) return figures;

  await using stack = new AsyncDisposableStack();
  say('bringing up Temporal, two hosts, workers, an image');
  const cloud = await unlessAborted(signal, bringUp(stack, 'bench'));
  const contest = await unlessAborted(signal, prepareContest(stack, cloud));
  const measures: Readonly<Record<Exclude<Part, 'steps'>, () => Promise<readonly Figure[]>>> = {
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
    crowds: () => crowds(contest, rounds, say),
    memory: () => memory(contest, cloud, say),
    claims: () => claims(contest, cloud, samples, say),
  };
  for (const part of only) {
    if (part === 'steps') continue;
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

function say(line: string): void {
  console.log(line);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
// A client's connection that was abandoned with its server would keep this process.
process.exit();
