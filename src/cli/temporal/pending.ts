import type { Client, WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Pending } from '../cloud.ts';

type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** The activities that a run waits for now. */
export async function pendingOf(client: Client, handle: WorkflowHandle): Promise<readonly Pending[]> {
  const { raw } = await client.workflow.getHandle(handle.workflowId).describe();
  return pendingIn(raw);
}

/** The same out of a description. */
export function pendingIn({ pendingActivities }: WorkflowExecutionDescription['raw']): readonly Pending[] {
  return (pendingActivities ?? []).map((activity) => ({
    activity: activity.activityType?.name ?? '',
    attempt: activity.attempt ?? 1,
    lastFailure: activity.lastFailure?.message ?? null,
    progress: progressIn(activity),
  }));
}

function progressIn({ heartbeatDetails }: PendingActivity): Pending['progress'] {
  const [payload] = heartbeatDetails?.payloads ?? [];
  if (payload === undefined) return null;
  const details = defaultPayloadConverter.fromPayload<Partial<NonNullable<Pending['progress']>> | null>(payload);
  if (typeof details?.step !== 'string' || typeof details.doneBytes !== 'number') return null;
  const { step, doneBytes, totalBytes = null, migration } = details;
  return { step, doneBytes, totalBytes, ...(migration === undefined ? {} : { migration }) };
}
