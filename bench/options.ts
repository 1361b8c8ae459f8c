import { parseArgs } from 'node:util';

/** What can be measured, in the order in which it is. */
const parts = [
  'steps',
  'inspector',
  'singles',
  'disks',
  'crowds',
  'memory',
  'claims',
  'import',
  'power',
  'power-sync',
  'snapshot',
  'ticker',
  'transfer',
  'resize',
  'live-migrate',
] as const;
export type Part = (typeof parts)[number];

/** What is measured without a cloud. */
export const partsWithoutCloud = ['steps', 'inspector'] as const satisfies readonly Part[];
export type PartWithoutCloud = (typeof partsWithoutCloud)[number];

/** What is printed for `--help`, and for options that are none. */
export const usage = `Measures novaflow and the floor, which is what the same guests take without it, side by side in one run.

usage: npm run bench -- [--only PART,…] [--samples N] [--rounds N] [--loads full|small] [--explain] [--json FILE]

  --only     some of ${parts.join(', ')}
  --samples  single builds and deletes, claims, rounds of power operations, events, snapshots, the ticker, resizes and live migrations, of each kind (10)
  --rounds   crowds of ten builds of each kind, imports, and disks from host to host (3)
  --loads    full, or small disks, which show the way and prove nothing (full)
  --explain  where the time of builds and deletes goes, step by step
  --json     writes all samples to a file, too`;

/** What to measure and how often. */
export interface Options {
  readonly only: readonly Part[];
  readonly samples: number;
  readonly rounds: number;
  readonly loads: 'full' | 'small';
  readonly explains: boolean;
  readonly json: string | undefined;
}

/** The options of this process; null when they are wrong or help is wanted. */
export function readOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      samples: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '3' },
      loads: { type: 'string', default: 'full' },
      explain: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [samples, rounds] = [Number(values.samples), Number(values.rounds)];
  const only = parts.filter((part) => values.only === undefined || values.only.split(',').includes(part));
  const isValid = [samples, rounds].every((count) => Number.isInteger(count) && count > 0) && only.length > 0;
  const { loads } = values;
  if (values.help || !isValid || (loads !== 'full' && loads !== 'small')) return null;
  return { only, samples, rounds, loads, explains: values.explain, json: values.json };
}
