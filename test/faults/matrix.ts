import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { until } from '../../lab/wait.ts';
import { controlQueue } from '../../src/model/queues.ts';
import type { Finding } from '../../src/model/verify/finding.ts';
import type { OwnCloud } from '../lab/cloud-fixture.ts';

export type FaultPoint = 'before' | 'during' | 'after';

import type { OperationName } from '../../src/schema/request.ts';

export type Operation = OperationName;

/** One operation of a matrix: it is stopped at one step. */
export interface Case {
  readonly step: string;
  readonly point: FaultPoint;
  readonly run: WorkflowHandleWithFirstExecutionRunId;
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
export async function startStopped(
  { client, faultsDirectory }: OwnCloud,
  type: Operation,
  { step, point, request }: { step: string; point: FaultPoint; request: { instanceId: string } & object },
): Promise<Case> {
  const workflowId = `${type}-${step}-${randomUUID()}`;
  await writeFile(join(faultsDirectory, `${point}.${step}.${workflowId}`), '');
  const run = await client.workflow.start(type, { taskQueue: controlQueue, workflowId, args: [request] });
  return { step, point, run, instanceId: request.instanceId };
}

/** Resolves when the case is stopped: its file says so, and its history has the step started and not completed. */
export async function whenHit({ faultsDirectory }: OwnCloud, { step, point, run }: Case): Promise<void> {
  const file = join(faultsDirectory, `${point}.${step}.${run.workflowId}.hit`);
  await until(() => (existsSync(file) ? true : null), { what: `${run.workflowId} at ${point} ${step}`, ...patience });
  const { raw } = await run.describe();
  const pending = raw.pendingActivities?.map((activity) => activity.activityType?.name) ?? [];
  if (!pending.includes(step)) throw new Error(`${run.workflowId} is not in ${step} but in ${pending.join(', ') || 'nothing'}`);
}

/** Lets everything go on that was stopped, or would be when its step is tried again. */
export async function letGo({ faultsDirectory }: OwnCloud, { step, point, run }: Case): Promise<void> {
  await rm(join(faultsDirectory, `${point}.${step}.${run.workflowId}`), { force: true });
}

/** What `verify` finds. */
export async function findings({ client }: OwnCloud): Promise<readonly Finding[]> {
  const result = await client.workflow.execute('verify', { taskQueue: controlQueue, workflowId: `verify-${Date.now()}`, args: [{}] });
  return (result as { findings: readonly Finding[] }).findings;
}
