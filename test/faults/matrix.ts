import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { expect } from 'vitest';
import { until } from '../../lab/wait.ts';
import type { FaultPoint } from '../../src/activities/fault-hook.ts';
import { controlQueue } from '../../src/model/queues.ts';
import type { Finding } from '../../src/model/verify/finding.ts';
import type { OperationName } from '../../src/schema/request.ts';
import type { OwnCloud } from '../lab/cloud-fixture.ts';
import { endOf } from '../workflows/ends.ts';

export type { FaultPoint };

/** Every step that is stopped after its effect, before its completion is known: the hardest case. The others in the long run. */
export const points: readonly FaultPoint[] = process.env['NOVAFLOW_TEST_ALL'] === '1' ? ['after', 'during', 'before'] : ['after'];

/** One operation of a matrix: it is stopped at one step. */
export interface Stopped {
  readonly step: string;
  readonly point: FaultPoint;
  readonly run: WorkflowHandleWithFirstExecutionRunId;
}

/** One that is about an instance. */
export interface Case extends Stopped {
  readonly instanceId: string;
}

const patience = { timeoutMs: 120_000, intervalMs: 50 };

/** The steps of an operation, from the history of a clean run of it: not from a list that somebody would forget to extend. */
export async function stepsOf({ client }: OwnCloud, run: { workflowId: string }): Promise<readonly string[]> {
  const { events } = await client.workflow.getHandle(run.workflowId).fetchHistory();
  const names = (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
  return [...new Set(names)];
}

/** Starts an operation that stops at `point` of `step`. */
export async function startStopped<Request extends object>(
  { client, faultsDirectory }: OwnCloud,
  type: OperationName,
  { step, point, request }: { step: string; point: FaultPoint; request: Request },
): Promise<Stopped & Request> {
  const workflowId = `${type}-${step}-${randomUUID()}`;
  await writeFile(join(faultsDirectory, `${point}.${step}.${workflowId}`), '');
  const run = await client.workflow.start(type, { taskQueue: controlQueue, workflowId, args: [request] });
  return { ...request, step, point, run };
}

/** Resolves when the case is stopped: its file says so, and its history has the step started and not completed. */
export async function whenHit({ faultsDirectory }: OwnCloud, { step, point, run }: Stopped): Promise<void> {
  const file = join(faultsDirectory, `${point}.${step}.${run.workflowId}.hit`);
  await until(() => (existsSync(file) ? true : null), { what: `${run.workflowId} at ${point} ${step}`, ...patience });
  const { raw } = await run.describe();
  const pending = raw.pendingActivities?.map((activity) => activity.activityType?.name) ?? [];
  if (!pending.includes(step)) throw new Error(`${run.workflowId} is not in ${step} but in ${pending.join(', ') || 'nothing'}`);
}

/** Lets everything go on that was stopped, or would be when its step is tried again. */
export async function letGo({ faultsDirectory }: OwnCloud, { step, point, run }: Stopped): Promise<void> {
  await rm(join(faultsDirectory, `${point}.${step}.${run.workflowId}`), { force: true });
}

/** Strikes operations that are stopped, lets them go, and compares how each ends with what `endAt` says of its step: one end, or those of which chance chooses. */
export async function struck<One extends Stopped>(
  own: OwnCloud,
  cases: readonly One[],
  strike: (own: OwnCloud, cases: readonly One[]) => Promise<void>,
  endAt: (step: string, one: One) => string | readonly string[],
): Promise<void> {
  await Promise.all(cases.filter(({ step, point }) => hasPoint(step, point)).map((one) => whenHit(own, one)));
  await strike(own, cases);
  await Promise.all(cases.map((one) => letGo(own, one)));
  const ends = await Promise.all(cases.map(async ({ step, run }) => [step, (await endOf(run))?.type ?? 'completed']));
  expect(ends).toEqual(cases.map((one) => [one.step, expect.toBeOneOf([endAt(one.step, one)].flat())]));
}

/** Only steps that take a lock have something during them. */
export function hasPoint(step: string, point: FaultPoint): boolean {
  return point !== 'during' || lockedSteps.has(step);
}

const lockedSteps: ReadonlySet<string> = new Set([
  ...['createDisks', 'defineDomain', 'bootDomain', 'startPaused', 'runGuest', 'removeInstance', 'wipeDisks'],
  ...['shutDownGuest', 'switchGuestOff', 'pauseGuest', 'unpauseGuest', 'injectNmi', 'setGuestClock', 'setGuestPassword'],
  ...['saveGuest', 'restoreGuest', 'forgetSavedMemory'],
  ...['writeProbe', 'answerProbe', 'removeProbes', 'setDisksAside', 'placeDisks', 'makeFileKey', 'openFileReceiver'],
  ...['closeReceivers', 'stopSending', 'sendFiles', 'sealFiles'],
  ...['openDiskReceiver', 'sendDisk', 'sealDisk', 'prepareLiveArrival', 'migrateGuest', 'adoptGuest', 'leaveMigrated'],
  ...['fetchBases', 'storeImage', 'removeStoredImage'],
  ...['chooseSnapshotMode', 'copyLive', 'extractSnapshot', 'wakeGuest', 'compressSnapshot', 'uploadSnapshot'],
]);

/** What a record shows once no operation holds it; null when there is none. */
export function whenIdle<Record extends { readonly operation: unknown } | { readonly status: string }>(
  { client }: OwnCloud,
  id: string,
  isIdle: (record: Record) => boolean,
): Promise<Record | null> {
  const look = async () => {
    const record = await client.workflow
      .getHandle(id)
      .query<Record | null>('record')
      .catch(() => undefined); // a record is away for a moment when its server or worker is
    if (record === undefined) return null;
    return record === null || isIdle(record) ? { record } : null;
  };
  return until(look, { what: `${id} to be free`, timeoutMs: 60_000, intervalMs: 50 }).then(({ record }) => record);
}

/** What `verify` finds. */
export async function findings({ client }: OwnCloud): Promise<readonly Finding[]> {
  const result = await client.workflow.execute('verify', { taskQueue: controlQueue, workflowId: `verify-${Date.now()}`, args: [{}] });
  return (result as { findings: readonly Finding[] }).findings;
}
