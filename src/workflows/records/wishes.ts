import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import { controlQueue } from '../../model/queues.ts';
import type { Wish } from '../../model/wish.ts';
import type { WishActivities } from '../activities.ts';

const { startWished } = proxyActivities<WishActivities>({
  taskQueue: controlQueue,
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '100 milliseconds', maximumInterval: '5 seconds' },
});

/** Sees to it that the operation is started that a record wishes for. */
export interface Wishes {
  /** Called whenever there may be one; does nothing when there is none. */
  readonly grant: () => void;
  /** Whether one is being started: a run that ended now would start it again. */
  readonly isGranting: () => boolean;
}

/** A wish is data that histories of releases before it lack. */
export function wishes(wish: () => Wish | null | undefined, onStarted: (workflowId: string) => void): Wishes {
  const underWay = new Set<string>();
  return {
    grant: () => {
      const now = wish();
      if (now?.is !== 'open' || underWay.has(now.workflowId)) return;
      const { type, request, workflowId } = now;
      underWay.add(workflowId);
      const done = () => {
        underWay.delete(workflowId);
        onStarted(workflowId);
      };
      // Its retries never end, so that the only rejection is the end of the record's own run.
      CancellationScope.nonCancellable(() => startWished({ type, request, workflowId })).then(done, () => {});
    },
    isGranting: () => underWay.size > 0,
  };
}
