import { activityInfo } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { OpenOperation } from '../model/instance.ts';
import { controlQueue } from '../model/queues.ts';
import type { Token } from '../model/tenure.ts';
import { client } from './record-client.ts';

export interface ReclaimActivities {
  /** Starts the reclaim of an instance that is soft-deleted now: a run of its own, that waits until then. Repeatable. */
  startReclaim(input: { token: Token; instanceId: string; until: string }): Promise<OpenOperation>;
  /** Cancels an operation that let go and waits, a reclaim or a resize: the record does not wait for it any more. Right when it is over. Repeatable. */
  stopReclaim(input: { token: Token; open: OpenOperation }): Promise<void>;
}

const type = 'reclaimInstance';

export const reclaimActivities: ReclaimActivities = {
  startReclaim: async ({ instanceId, until }) => {
    // The same for every attempt, and another for the next soft delete.
    const workflowId = `reclaim/${instanceId}/${activityInfo().workflowExecution?.runId}`;
    const { firstExecutionRunId: runId } = await client().workflow.start(type, {
      taskQueue: controlQueue,
      workflowId,
      args: [{ instanceId, until }],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    return { workflowId, runId, type, until };
  },
  stopReclaim: async ({ open: { workflowId, runId } }) => {
    await client()
      .workflow.getHandle(workflowId, runId)
      .cancel()
      .catch((error: unknown) => {
        if (!(error instanceof WorkflowNotFoundError)) throw error; // it is over
      });
  },
};
