import type { Instance } from '../model/instance.ts';
import type { MigrationProgress } from '../model/live-migration/progress.ts';
import type { OperationView, StepView } from '../model/operation.ts';
import type { Pending, Sight } from './cloud.ts';
import { bytesText, durationText } from './quantities.ts';

/** A part of an operation as its progress shows it: a task state of the instance, or a step where there is none. */
export interface Stage {
  readonly name: string;
  /** What was done in it, and where: `defineDomain, startPaused on cn1`. */
  readonly steps: string;
  readonly startedAt: string;
  /** Null while it lasts. */
  readonly endedAt: string | null;
}

/** The stages of an operation so far, oldest first. */
export function stagesOf({ operation, instance }: Pick<Sight, 'operation' | 'instance'>): readonly Stage[] {
  const steps = operation?.steps ?? [];
  return instance === null ? steps.map(stageOfStep) : stagesOfStates(instance, steps);
}

/** What the step that runs has to say: how many bytes it did, or why it is tried again. */
export function detailOf(pending: readonly Pending[]): string | null {
  const [told] = pending.filter(({ progress, attempt }) => progress !== null || attempt > 1);
  if (told === undefined) return null;
  const { activity, attempt, lastFailure, progress } = told;
  if (attempt > 1) return `${activity}: attempt ${attempt}${lastFailure === null ? '' : ` after: ${lastFailure}`}`;
  if (progress === null) return null;
  const { step, doneBytes, totalBytes, migration } = progress;
  const done = `${step}: ${bytesText(doneBytes)}${totalBytes === null ? '' : ` of ${bytesText(totalBytes)}`}`;
  return migration === undefined ? done : [done, ...migrationText(migration)].join(', ');
}

/** What a migration of a running guest says beside its bytes: how fast the guest changes its memory, and when it is over. */
function migrationText({ phase, dirtyBytesPerSecond, iteration, throttlePercent, expectedSeconds }: MigrationProgress): readonly string[] {
  const inMemory = phase === 'memory';
  return [
    ...(inMemory && iteration > 1 ? [`round ${iteration}`] : []),
    ...(inMemory && dirtyBytesPerSecond !== null && dirtyBytesPerSecond > 0 ? [`changed ${bytesText(dirtyBytesPerSecond)}/s`] : []),
    ...(throttlePercent > 0 ? [`slowed down by ${throttlePercent} %`] : []),
    ...(expectedSeconds === null ? [] : [`about ${durationText(expectedSeconds * 1000)} to go`]),
  ];
}

/** What an operator has to decide, or null. */
export function parkedText(operation: OperationView | null, id: string): string | null {
  const parked = operation?.parked ?? null;
  if (parked === null) return null;
  const { step, host, failure } = parked;
  return [
    `parked at ${step}${host === null ? '' : ` on ${host}`}: ${failure.type}: ${failure.message}`,
    `  when the cause is mended:  novaflow op retry ${id} --reason "…"`,
    `  to give up and undo:       novaflow op rollback ${id} --reason "…"`,
  ].join('\n');
}

function stageOfStep({ name, host, startedAt, endedAt, state }: StepView): Stage {
  return { name: state === 'undone' ? `undo: ${name}` : name, steps: host === null ? '' : `on ${host}`, startedAt, endedAt };
}

/** The last entry of a history without an operation is the rest that the instance came to. */
function stagesOfStates({ taskHistory, operation }: Instance, steps: readonly StepView[]): readonly Stage[] {
  const entries = operation === null ? taskHistory.slice(0, -1) : taskHistory;
  return entries.map(({ taskState, at }, index) => {
    const endedAt = taskHistory[index + 1]?.at ?? null;
    const within = steps.filter(({ startedAt }) => startedAt >= at && (endedAt === null || startedAt < endedAt));
    return { name: taskState ?? 'none', steps: stepsText(within), startedAt: at, endedAt };
  });
}

/** Names of steps, each host said once after the steps that ran there. */
function stepsText(steps: readonly StepView[]): string {
  const groups: { host: string | null; names: string[] }[] = [];
  for (const { name, host, state } of steps) {
    const shown = state === 'undone' ? `undo: ${name}` : name;
    const last = groups.at(-1);
    if (last?.host === host) last.names.push(shown);
    else groups.push({ host, names: [shown] });
  }
  return groups.map(({ host, names }) => `${names.join(', ')}${host === null ? '' : ` on ${host}`}`).join('; ');
}
