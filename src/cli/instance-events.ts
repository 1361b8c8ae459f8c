import type { Instance, RecentOperation } from '../model/instance.ts';
import { durationText } from './quantities.ts';
import { table } from './tables.ts';
import type { Terminal } from './terminal.ts';

/** What was done to an instance, as `instance events` shows it. */
export type InstanceEvent = Omit<RecentOperation, 'end' | 'endedAt' | 'userId' | 'requestId' | 'reason' | 'failure'> & {
  /** Null of an operation that runs since before records told it. */
  readonly userId: string | null;
  readonly end: RecentOperation['end'] | 'running';
  readonly endedAt: string | null;
  readonly requestId: string | null;
  readonly reason: string | null;
  readonly failure: NonNullable<RecentOperation['failure']> | null;
};

/** The last operations of an instance, oldest first, and at the end the one that runs. */
export function eventsOf({ recent, operation }: Instance): readonly InstanceEvent[] {
  const ended = recent.map(
    ({ requestId = null, reason = null, failure = null, ...one }): InstanceEvent => ({ ...one, requestId, reason, failure }),
  );
  if (operation === null) return ended;
  const { step: _step, since: startedAt, userId = null, requestId = null, reason = null, ...run } = operation;
  return [...ended, { ...run, userId, requestId, reason, startedAt, endedAt: null, end: 'running', failure: null, steps: [] }];
}

/** A line an operation, and below each its reason, its failure and its steps. */
export function eventsText(events: readonly InstanceEvent[], { paint }: Pick<Terminal, 'paint'>): string {
  const head = ['WHAT', 'BY', 'BEGAN', 'TOOK', 'END', 'OPERATION', 'REQUEST'];
  const rows = events.map(({ type, userId, startedAt, endedAt, end, workflowId, requestId }) => [
    type,
    userId ?? '-',
    startedAt,
    endedAt === null ? '-' : durationText(Date.parse(endedAt) - Date.parse(startedAt)),
    paint(end === 'completed' ? 'good' : end === 'running' ? 'busy' : 'bad', end),
    workflowId,
    requestId ?? '-',
  ]);
  const [header = '', ...lines] = table(head, rows).split('\n');
  return [header, ...lines.flatMap((line, index) => [line, ...detailsOf(events[index])])].join('\n');
}

function detailsOf(event: InstanceEvent | undefined): readonly string[] {
  if (event === undefined) return [];
  const { reason, failure, steps } = event;
  const said = reason === null ? [] : [`  reason: ${reason}`];
  const failed = failure === null ? [] : [`  ${failure.type}: ${failure.message}`];
  const took = steps.map(
    ({ name, host, durationMs, note }) =>
      `${name}${host === null ? '' : ` on ${host}`} ${durationText(durationMs)}${note === undefined ? '' : ` (${note})`}`,
  );
  return [...said, ...failed, ...(took.length === 0 ? [] : [`  ${took.join(', ')}`])];
}
