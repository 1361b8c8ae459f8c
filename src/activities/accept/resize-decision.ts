import { activityInfo } from '@temporalio/activity';
import type { Host } from '../../model/host.ts';
import type { Instance, Migration } from '../../model/instance.ts';
import type { Accepted } from '../../model/operation.ts';
import type { Vif } from '../addresses.ts';
import { fail, queryRecord } from '../record-client.ts';
import { vifsOfPorts } from './guest.ts';
import { type BootImages, bootImages } from './images.ts';
import { begun } from './take-over.ts';

/** A resize that was decided: what its second half is told with. */
export interface AcceptedDecision extends Accepted {
  readonly instance: Instance;
  readonly migration: Migration;
  /** With what the guest is started again; null where it is not. */
  readonly image: BootImages | null;
  readonly vifs: readonly Vif[];
  /** Whether the source's record says that it is down. */
  readonly isSourceDown: boolean;
  /** Whether what its end leaves is told at its end. Absent in runs of before 0.2, which told it in a step of its own. */
  readonly mayLeaveAtEnd?: true;
  /** Whether one step defines the guest and has it run. Absent in runs of before 0.2. */
  readonly bootsAtOnce?: true;
}

export interface AcceptDecisionActivities {
  /**
   * Takes an instance that is resized again, for the operation that it waits for. Raises `InvalidState` when it waits for it no more,
   * `InstanceLocked`, `InstanceBusy`, with nothing touched. Repeatable.
   */
  acceptDecision(input: {
    type: string;
    instanceId: string;
    firstRunId: string;
    decision: 'confirm' | 'revert';
    /** Nobody asked for it: the time is over, or the operation was cancelled. */
    isAutomatic: boolean;
    /** What who asked for it said. */
    reason?: string;
  }): Promise<AcceptedDecision>;
}

export const acceptDecisionActivities: AcceptDecisionActivities = {
  acceptDecision: async ({ type, instanceId, firstRunId, decision, isAutomatic, reason }) => {
    const before = await queryRecord<Instance>('instance', instanceId);
    if (before === null) throw fail('InstanceNotFound', `there is no instance ${instanceId}`);
    const [image, vifs, source] = await Promise.all([
      decision === 'revert' ? imageOf(before) : null,
      decision === 'revert' ? vifsOfPorts(before.ports) : [],
      before.migration == null ? null : queryRecord<Host>('host', before.migration.source),
    ]);
    const openedBy = activityInfo().workflowExecution?.workflowId ?? '';
    const action = decision === 'confirm' ? 'confirmResize' : 'revertResize';
    const { token, record: instance } = await begun({
      type,
      action,
      instanceId,
      firstRunId,
      openedBy,
      part: 2,
      isAutomatic,
      ...(reason === undefined ? {} : { reason }),
    });
    const { migration } = instance;
    if (migration === undefined || migration === null) throw new Error(`instance ${instanceId} is resized and has no migration`);
    const isSourceDown = source?.state === 'down';
    const sinceThen = { mayLeaveAtEnd: true, bootsAtOnce: true, letsGoEarly: true } as const;
    return { token, onFailure: 'park', instance, migration, image, vifs, isSourceDown, ...sinceThen };
  },
};

async function imageOf({ name, image }: Instance): Promise<BootImages> {
  if (image === null) throw fail('ImageNotFound', `instance ${name} has no image`);
  return (await bootImages(image)).image;
}
