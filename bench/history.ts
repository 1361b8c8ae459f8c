import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

/** A step of a run as its history tells it. Times are milliseconds since 1970, of the server's clock. */
export interface Step {
  readonly name: string;
  readonly input: unknown;
  readonly scheduledAt: number;
  readonly startedAt: number;
  readonly completedAt: number;
}

/** A run that is over. */
export interface RunHistory {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly workflowTasks: number;
  /** Those that completed, in the order they were scheduled in. */
  readonly steps: readonly Step[];
}

/** Reads the history of a run that is over. */
export async function historyOf(client: Client, workflowId: string): Promise<RunHistory> {
  const events = (await client.workflow.getHandle(workflowId).fetchHistory()).events ?? [];
  const started = new Map(events.flatMap((event) => entryBy(event.activityTaskStartedEventAttributes, event)));
  const completed = new Map(events.flatMap((event) => entryBy(event.activityTaskCompletedEventAttributes, event)));
  const steps = events.flatMap((event): Step[] => {
    const scheduled = event.activityTaskScheduledEventAttributes;
    const start = started.get(Number(event.eventId));
    const end = completed.get(Number(event.eventId));
    if (!scheduled || start === undefined || end === undefined) return [];
    const payload = scheduled.input?.payloads?.[0];
    return [
      {
        name: scheduled.activityType?.name ?? '',
        input: payload === undefined ? undefined : defaultPayloadConverter.fromPayload(payload),
        scheduledAt: timeOf(event),
        startedAt: timeOf(start),
        completedAt: timeOf(end),
      },
    ];
  });
  return {
    startedAt: timeOf(events[0]),
    endedAt: timeOf(events.at(-1)),
    workflowTasks: events.filter((event) => event.workflowTaskCompletedEventAttributes).length,
    steps,
  };
}

/** When a record answered an update last, by the server's clock: from then on everybody sees what it says. */
export async function toldAt(client: Client, recordId: string): Promise<number> {
  const events = (await client.workflow.getHandle(recordId).fetchHistory()).events ?? [];
  const answered = events.findLast((event) => event.workflowExecutionUpdateCompletedEventAttributes);
  if (answered === undefined) throw new Error(`${recordId} was told nothing`);
  return timeOf(answered);
}

/** The step of this name that was scheduled first; raises an error when the run has none. */
export function stepOf({ steps }: RunHistory, name: string): Step {
  const step = steps.find((one) => one.name === name);
  if (step === undefined) throw new Error(`the run has no completed step ${name}`);
  return step;
}

function entryBy(attributes: { readonly scheduledEventId?: unknown } | null | undefined, event: HistoryEvent): [number, HistoryEvent][] {
  return attributes ? [[Number(attributes.scheduledEventId), event]] : [];
}

function timeOf(event: HistoryEvent | undefined): number {
  const { seconds, nanos } = event?.eventTime ?? {};
  return Number(seconds ?? 0) * 1000 + (nanos ?? 0) / 1e6;
}
