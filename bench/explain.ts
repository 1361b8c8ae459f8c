import type { Client } from '@temporalio/client';
import { table } from '../src/cli/tables.ts';
import { median } from './figures.ts';
import type { FloorParts } from './floor.ts';
import { historyOf, type RunHistory, type Step } from './history.ts';

/** Says where the time of some runs of one operation went, from their histories, with the floor's parts below: medians in milliseconds. */
export async function explanation(
  title: string,
  client: Client,
  workflowIds: readonly string[],
  floor: readonly FloorParts[],
): Promise<string> {
  const runs = await Promise.all(workflowIds.map((id) => historyOf(client, id)));
  const names = [...new Set(runs.flatMap(({ steps }) => steps.map(({ name }, index) => `${name} ${occurrence(steps, index)}`)))];
  const rows = names.map((key) => stepRow(key, runs)).toSorted((a, b) => a.begins - b.begins);
  return [
    `${title}: ${runs.length} runs, medians in ms`,
    table(
      ['STEP', 'SCHEDULED AT', 'WAITS', 'WORKS'],
      rows.map(({ name, begins, waits, works }) => [name, ms(begins), ms(waits), ms(works)]),
    ),
    table(
      ['IN ALL', ''],
      [
        ['run, from its first event to its last', ms(median(runs.map(({ startedAt, endedAt }) => endedAt - startedAt)))],
        ['some step works', ms(median(runs.map(working)))],
        ['steps wait for a worker, none works', ms(median(runs.map((run) => open(run) - working(run))))],
        [`workflow tasks (${median(runs.map(({ workflowTasks }) => workflowTasks))}), no step open`, ms(median(runs.map(between)))],
      ],
    ),
    ...(floor.length === 0 ? [] : [`floor: ${floorParts(floor)}`]),
  ].join('\n');
}

/** A step that a run does several times is told apart: `enter` is. */
function occurrence(steps: readonly Step[], index: number): number {
  const name = steps[index]?.name;
  return steps.slice(0, index + 1).filter((step) => step.name === name).length;
}

function stepRow(key: string, runs: readonly RunHistory[]): { name: string; begins: number; waits: number; works: number } {
  const found = runs.flatMap(({ steps, startedAt }) =>
    steps.filter((step, index) => `${step.name} ${occurrence(steps, index)}` === key).map((step) => ({ step, startedAt })),
  );
  return {
    name: key.replace(/ 1$/, ''),
    begins: median(found.map(({ step, startedAt }) => step.scheduledAt - startedAt)),
    waits: median(found.map(({ step }) => step.startedAt - step.scheduledAt)),
    works: median(found.map(({ step }) => step.completedAt - step.startedAt)),
  };
}

function working({ steps }: RunHistory): number {
  return covered(steps.map(({ startedAt, completedAt }) => [startedAt, completedAt]));
}

function open({ steps }: RunHistory): number {
  return covered(steps.map(({ scheduledAt, completedAt }) => [scheduledAt, completedAt]));
}

function between(run: RunHistory): number {
  return run.endedAt - run.startedAt - open(run);
}

/** The length of what the intervals cover together. */
function covered(intervals: readonly (readonly [from: number, to: number])[]): number {
  let total = 0;
  let reached = Number.NEGATIVE_INFINITY;
  for (const [from, to] of intervals.toSorted(([a], [b]) => a - b)) {
    total += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return total;
}

function floorParts(samples: readonly FloorParts[]): string {
  return Object.keys(samples[0] ?? {})
    .map((part) => `${part} ${ms(median(samples.map((sample) => sample[part] ?? Number.NaN)))}`)
    .join(', ');
}

function ms(value: number): string {
  return value.toFixed(1);
}
