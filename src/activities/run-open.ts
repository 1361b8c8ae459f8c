import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { client } from './record-client.ts';

/** Whether the run goes on; one that nobody knows any more does not. */
export async function isRunOpen(
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
  by: Client = client(),
): Promise<boolean> {
  try {
    const { status } = await by.workflow.getHandle(workflowId, runId).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
