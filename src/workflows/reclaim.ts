import { proxyActivities, setCurrentDetails, sleep } from '@temporalio/workflow';
import type { AcceptedDelete } from '../activities/accept/delete.ts';
import type { ControlActivities } from '../activities/control.ts';
import type { Instance, InstanceChanges } from '../model/instance.ts';
import { onControl } from './activities.ts';
import { deleteAll } from './delete.ts';
import { operate } from './operate.ts';
import { ownFailure, typeOf } from './outcome.ts';

const { acceptReclaim } = proxyActivities<ControlActivities>(onControl.options);

/** An operation that was begun in time, such as a restore, is let end. */
const pause = '1 minute';

/**
 * Deletes an instance for good when its time is over (Nova's `_reclaim_queued_deletes`). A soft delete starts it as a run of its
 * own, so that its timer outlives whatever else dies; a restore cancels it. One that was restored meanwhile is never deleted: the
 * record knows the run that it waits for.
 */
export async function reclaimInstance(request: unknown): Promise<Instance> {
  const { until } = await ownFailure('acceptReclaim', () => acceptReclaim({ request }));
  setCurrentDetails(`reclaimInstance: deletes the instance at ${until}`);
  await sleep(Math.max(0, Date.parse(until) - Date.now()));
  for (;;) {
    try {
      return await reclaim(request);
    } catch (failure) {
      if (typeOf(failure) !== 'InstanceBusy') throw failure;
    }
    await sleep(pause);
  }
}

function reclaim(request: unknown): Promise<Instance> {
  return operate<AcceptedDelete, InstanceChanges, Instance>({
    type: 'reclaimInstance',
    request,
    accept: (control) => control.takeForReclaim,
    record: ({ instance }) => ({ kind: 'instance', id: instance.id, projectId: instance.projectId }),
    onFailed: (fault) => ({ vmState: 'error', fault }),
    onCancelled: () => ({}),
    undoneLeavesNothing: false,
    story: deleteAll,
  });
}
