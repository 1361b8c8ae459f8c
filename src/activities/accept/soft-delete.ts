import { activityInfo } from '@temporalio/activity';
import type { Config } from '../../config.ts';
import { type AcceptedDelete, toDelete } from './delete.ts';
import { type AcceptInput, parsed } from './parse.ts';
import { begun, begunByTakingOver } from './take-over.ts';

/** A soft delete: it switches the guest off, or deletes at once where nothing can be restored. */
export interface AcceptedSoftDelete extends AcceptedDelete {
  readonly host: string | null;
  /** How long it can be restored; null deletes at once. */
  readonly reclaimAfterSeconds: number | null;
}

export interface AcceptSoftDeleteActivities {
  /** Takes an instance for its soft delete, from an operation in progress too. Heartbeats while that undoes. Repeatable. */
  acceptSoftDelete(input: AcceptInput): Promise<AcceptedSoftDelete>;
  /** What a reclaim waits for. Raises `InvalidRequest`. */
  acceptReclaim(input: { request: unknown }): Promise<{ readonly until: string }>;
  /** Takes an instance whose time is over, if it still waits for this very reclaim. Raises `InvalidState` when it was restored. Repeatable. */
  takeForReclaim(input: AcceptInput): Promise<AcceptedDelete>;
}

export function acceptSoftDeleteActivities({
  reclaimInstanceIntervalSeconds,
}: Pick<Config, 'reclaimInstanceIntervalSeconds'>): AcceptSoftDeleteActivities {
  return {
    acceptSoftDelete: async ({ request, firstRunId }) => {
      const { instanceId, onFailure = 'park' } = parsed('softDeleteInstance', request);
      const beginning = { type: 'softDeleteInstance', action: 'softDeleteInstance', instanceId, firstRunId } as const;
      const taken = await begunByTakingOver(beginning);
      const { host } = taken.gone ?? taken.begun.record;
      // One that is on no host has nothing that could be restored: a build that failed.
      const reclaimAfterSeconds = reclaimInstanceIntervalSeconds === 0 || host === null ? null : reclaimInstanceIntervalSeconds;
      return { ...(await toDelete(onFailure, taken)), host, reclaimAfterSeconds };
    },

    acceptReclaim: async ({ request }) => ({ until: parsed('reclaimInstance', request).until }),

    takeForReclaim: async ({ request, firstRunId }) => {
      const { instanceId, onFailure = 'park' } = parsed('reclaimInstance', request);
      const openedBy = activityInfo().workflowExecution?.workflowId ?? '';
      const beginning = { type: 'reclaimInstance', action: 'reclaimInstance', instanceId, firstRunId, openedBy } as const;
      return toDelete(onFailure, { begun: await begun(beginning), gone: null });
    },
  };
}
