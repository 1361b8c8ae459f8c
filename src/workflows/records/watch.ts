import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import { watchQueue } from '../../model/queues.ts';
import type { Run } from '../../model/tenure.ts';
import type { WatchActivities } from '../activities.ts';

const { watchOperation } = proxyActivities<WatchActivities>({
  taskQueue: watchQueue,
  startToCloseTimeout: '3650 days',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '100 milliseconds', maximumInterval: '5 seconds' },
});

/**
 * Calls `onEnd` with how the operation ended once its run, or the last of the runs that resets made from it, has closed.
 * This is why a lock cannot go stale: an operation that is terminated lets go of nothing by itself.
 */
export function watch({ workflowId, runId }: Run, onEnd: (how: string) => void): void {
  // Its retries never end, so that the only rejection is the end of the record's own run.
  CancellationScope.nonCancellable(() => watchOperation({ workflowId, runId })).then(onEnd, () => {});
}
