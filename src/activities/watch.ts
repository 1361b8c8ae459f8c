import { Context, heartbeat } from '@temporalio/activity';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { client } from './record-client.ts';

export interface WatchActivities {
  /**
   * Resolves with how an operation ended ("completed", "terminated"…) once its run has closed and no reset run goes on in
   * its place. Holds nothing and changes nothing. Repeatable.
   */
  watchOperation(input: { workflowId: string; runId: string }): Promise<string>;
}

const heartbeatMs = 2_000;

export function watchActivities(stopping: AbortSignal): WatchActivities {
  return {
    watchOperation: async ({ workflowId, runId }) => {
      const timer = setInterval(() => heartbeat(), heartbeatMs);
      try {
        return await Promise.race([lastEndOf(workflowId, runId), Context.current().cancelled, until(stopping)]);
      } finally {
        clearInterval(timer);
      }
    },
  };
}

/** Rejects when the worker stops: the retry is another worker's. */
function until(stopping: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = () => reject(new Error('the worker stops'));
    if (stopping.aborted) stop();
    else stopping.addEventListener('abort', stop, { once: true });
  });
}

async function lastEndOf(workflowId: string, runId: string): Promise<string> {
  const end = await endOf(workflowId, runId);
  const next = await resetRunOf(workflowId, runId);
  return next === null ? end : lastEndOf(workflowId, next);
}

/** Follows the run by a long poll until it closes. */
async function endOf(workflowId: string, runId: string): Promise<string> {
  const handle = client().workflow.getHandle(workflowId, runId, { followRuns: false });
  try {
    await handle.result();
    return 'completed';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'gone';
    if (!(error instanceof WorkflowFailedError)) throw error;
    return (await handle.describe()).status.name.toLowerCase().replaceAll('_', ' ');
  }
}

/** The run that a reset made from this one, or null. */
async function resetRunOf(workflowId: string, runId: string): Promise<string | null> {
  try {
    const { raw } = await client().workflow.getHandle(workflowId, runId).describe();
    return raw.workflowExtendedInfo?.resetRunId || null;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}
