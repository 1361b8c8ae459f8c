import type { Client } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import { ApplicationFailure } from '@temporalio/common';
import { decodeFromPayloadsAtIndex, decodeOptionalFailureToOptionalError } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import type { PlacementRequest } from '../../model/placement-request.ts';
import type { Decision, RemovedHost } from '../../scheduler/decision.ts';
import type { Choice, Explanation } from '../explanation.ts';
import type { Found } from './reports.ts';

/** Why an operation went where it went: its run's history has each choice with what it was made for. */
export async function explanationOf(client: Client, { handle, description: { workflowId, runId, type } }: Found): Promise<Explanation> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  return { id: handle.workflowId, runId, type, choices: await choicesIn(history, client.options.loadedDataConverter) };
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The choices of hosts in a history, in their order. */
export async function choicesIn({ events }: History, converter: LoadedDataConverter): Promise<readonly Choice[]> {
  const choices: Writable<Choice>[] = [];
  for (const step of await stepsIn(events ?? [], converter)) {
    const last = choices.at(-1);
    if (selections.has(step.name)) choices.push(await choiceOf(step, converter));
    else if (last !== undefined) last.claims = [...last.claims, await claimOf(step, converter)];
  }
  return choices;
}

/** The steps that choose a host: for a new instance, or for one that moves. */
const selections: ReadonlySet<string> = new Set(['selectHost', 'selectDestination']);

type Event = NonNullable<History['events']>[number];

interface Step {
  readonly name: string;
  readonly at: string;
  readonly input: unknown;
  readonly end: Event | undefined;
}

/** The steps of a placement that are over, with the event that ended each. */
async function stepsIn(events: readonly Event[], converter: LoadedDataConverter): Promise<readonly Step[]> {
  const ends = new Map(
    events.flatMap((event): [string, Event][] => {
      const end = event.activityTaskCompletedEventAttributes ?? event.activityTaskFailedEventAttributes;
      return end == null ? [] : [[`${end.scheduledEventId}`, event]];
    }),
  );
  const steps: Step[] = [];
  for (const { eventId, eventTime, activityTaskScheduledEventAttributes: scheduled } of events) {
    const name = scheduled?.activityType?.name ?? '';
    const end = ends.get(`${eventId}`);
    if (end === undefined || (!selections.has(name) && name !== 'claimResources')) continue;
    const at = new Date(Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6).toISOString();
    steps.push({ name, at, input: await decodeFromPayloadsAtIndex(converter, 0, scheduled?.input?.payloads), end });
  }
  return steps;
}

function resultOf<Result>({ end }: Step, converter: LoadedDataConverter): Promise<Result> {
  return decodeFromPayloadsAtIndex<Result>(converter, 0, end?.activityTaskCompletedEventAttributes?.result?.payloads);
}

async function choiceOf(step: Step, converter: LoadedDataConverter): Promise<Choice> {
  const { wanted, turned } = step.input as { wanted: PlacementRequest; turned: readonly RemovedHost[] };
  const failure = step.end?.activityTaskFailedEventAttributes?.failure;
  const choice = { at: step.at, wanted, turned, claims: [] };
  if (failure == null) return { ...choice, decision: await resultOf<Decision>(step, converter), hosts: [] };
  return { ...choice, decision: null, hosts: hostsOf(await decodeOptionalFailureToOptionalError(converter, failure)) };
}

/** What `NoValidHost` says of each host; of another failure, nothing. */
function hostsOf(error: Error | undefined): readonly RemovedHost[] {
  const [details] = error instanceof ApplicationFailure && error.type === 'NoValidHost' ? (error.details ?? []) : [];
  return (details as { hosts?: readonly RemovedHost[] } | undefined)?.hosts ?? [];
}

async function claimOf(step: Step, converter: LoadedDataConverter): Promise<Choice['claims'][number]> {
  const { host } = step.input as { host: string };
  if (step.end?.activityTaskFailedEventAttributes != null) return { host, refusal: 'the record of the host did not answer' };
  return { host, refusal: (await resultOf<{ refusal: string | null }>(step, converter)).refusal };
}
