import type { OperationReport } from './cloud.ts';
import { ageText, durationText } from './quantities.ts';
import type { OperationRow } from './rows.ts';
import { detailOf, parkedText } from './stages.ts';
import { sheet, table } from './tables.ts';
import type { Terminal, Tone } from './terminal.ts';

type Paint = Pick<Terminal, 'paint'>;

/** Operations, a line each. */
export function operationTable(operations: readonly OperationRow[], { paint }: Paint, nowMs: number = Date.now()): string {
  return table(
    ['ID', 'TYPE', 'STATUS', 'ATTENTION', 'AGE', 'TOOK'],
    operations.map(({ id, type, status, attention, startedAt, endedAt }) => [
      id,
      type,
      paint(toneOf(status), status),
      attention === null ? '-' : paint('bad', attention),
      ageText(startedAt, nowMs),
      endedAt === null ? '-' : tookText(startedAt, endedAt),
    ]),
  );
}

/** All of an operation: its steps below what is said of it. */
export function operationSheet(report: OperationReport, { paint }: Paint, nowMs: number = Date.now()): string {
  const { id, runId, type, status, startedAt, endedAt, operation, pending, failure } = report;
  const head = sheet([
    ['operation', id],
    ['run', runId],
    ['type', type],
    ['instance', operation?.instanceId ?? null],
    ['status', paint(toneOf(status), status)],
    ['started', `${startedAt} (${ageText(startedAt, nowMs)} ago)`],
    ['took', endedAt === null ? null : tookText(startedAt, endedAt)],
    ['ended', failure === null ? null : `${failure.type}: ${failure.message}`],
    ['now', endedAt === null ? detailOf(pending) : null],
  ]);
  const parked = endedAt === null ? parkedText(operation, id) : null;
  return [head, ...stepsTable(report), ...(parked === null ? [] : [paint('bad', parked)])].join('\n\n');
}

function stepsTable({ operation }: OperationReport): readonly string[] {
  if (operation === null || operation.steps.length === 0) return [];
  const hasNotes = operation.steps.some(({ note }) => note !== undefined);
  const rows = operation.steps.map(({ name, host, state, startedAt, endedAt, note = '' }) => [
    name,
    host ?? '-',
    state,
    endedAt === null ? `since ${startedAt}` : tookText(startedAt, endedAt),
    ...(hasNotes ? [note] : []),
  ]);
  return [table(['STEP', 'HOST', 'STATE', 'TOOK', ...(hasNotes ? ['NOTE'] : [])], rows)];
}

function toneOf(status: string): Tone {
  if (status === 'completed') return 'good';
  return status === 'running' ? 'busy' : 'bad';
}

function tookText(startedAt: string, endedAt: string): string {
  return durationText(Date.parse(endedAt) - Date.parse(startedAt));
}
