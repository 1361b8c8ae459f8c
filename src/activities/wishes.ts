import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { controlQueue } from '../model/queues.ts';
import type { Wish } from '../model/wish.ts';
import { client } from './record-client.ts';

export interface WishActivities {
  /** Starts the operation that a record wishes for. Once, however often it is repeated: its id is never used again. */
  startWished(input: Pick<Wish, 'type' | 'request' | 'workflowId'>): Promise<void>;
}

export const wishActivities: WishActivities = {
  startWished: async ({ type, request, workflowId }) => {
    const options = { taskQueue: controlQueue, workflowId, args: [request], workflowIdReusePolicy: 'REJECT_DUPLICATE' } as const;
    await client()
      .workflow.start(type, options)
      .catch((error: unknown) => {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      });
  },
};
