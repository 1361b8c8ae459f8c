import { proxyActivities } from '@temporalio/workflow';
import type { AlterActivities } from '../activities/accept/alter.ts';
import type { Instance } from '../model/instance.ts';
import { onControl } from './activities.ts';
import { ownFailure } from './outcome.ts';

/** Operations that change an instance's record alone, by one message: they hold nothing, and go beside whatever is under way. */

const steps = proxyActivities<AlterActivities>(onControl.options);

/** Locks an instance: others than administrators may not touch it any more. */
export function lockInstance(request: unknown): Promise<Instance> {
  return ownFailure('lockInstance', () => steps.lockInstance({ request }));
}

/** Takes the lock of an instance away; an administrator's only for an administrator. */
export function unlockInstance(request: unknown): Promise<Instance> {
  return ownFailure('unlockInstance', () => steps.unlockInstance({ request }));
}

/** Gives an instance another name. */
export function renameInstance(request: unknown): Promise<Instance> {
  return ownFailure('renameInstance', () => steps.renameInstance({ request }));
}

/** Gives an instance other metadata. */
export function setInstanceMetadata(request: unknown): Promise<Instance> {
  return ownFailure('setInstanceMetadata', () => steps.setInstanceMetadata({ request }));
}
