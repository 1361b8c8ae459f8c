import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { client, type RecordKind } from './record-client.ts';

const firstPollMs = 5;
const longestPollMs = 100;

/**
 * Waits until lists show what a record wrote at `shownAt`: an operation returns only then, so that whoever started it and
 * looks sees what it did. Records say in their memo up to when they are shown.
 */
export async function whenListed(workflowId: string, shownAt: string): Promise<void> {
  const query = `WorkflowId = '${workflowId}'`;
  for (let pollMs = firstPollMs; ; pollMs = Math.min(1.5 * pollMs, longestPollMs)) {
    for await (const { memo } of client().workflow.list({ query })) {
      const listed = memo?.['shownAt'];
      if (typeof listed === 'string' && listed >= shownAt) return;
    }
    await setTimeout(pollMs, undefined, { signal: Context.current().cancellationSignal });
  }
}

/** The names (ids without their kind) of all running records of a kind that match. `by` where no activity runs. */
export async function namesOf(kind: RecordKind, matching: string, by: Client = client()): Promise<readonly string[]> {
  const names: string[] = [];
  const query = `WorkflowType = '${kind}' AND ExecutionStatus = 'Running' AND ${matching}`;
  for await (const { workflowId } of by.workflow.list({ query })) names.push(workflowId.slice(kind.length + 1));
  return names.sort();
}
