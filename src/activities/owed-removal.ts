import type { Logger } from '@temporalio/worker';
import type { Removal } from './debts.ts';
import type { DiskLongActivities } from './disks.ts';
import type { DomainActivities } from './domain.ts';

/**
 * Removes an instance that this host owes to have removed. A device that it leaves is wiped meanwhile: until that is done the
 * removal fails, and stays owed.
 */
export function owedRemoval(
  { removeInstance }: Pick<DomainActivities, 'removeInstance'>,
  wipeDisks: DiskLongActivities['wipeDisks'],
  logger: Logger,
): Removal {
  const wiping = new Set<string>();
  return async (removal) => {
    const { instanceId } = removal;
    const { toWipe } = await removeInstance(removal);
    if (toWipe.length === 0) return;
    if (!wiping.has(instanceId)) {
      wiping.add(instanceId);
      wipeDisks(removal)
        .catch((error: unknown) => logger.warn('a device could not be wiped', { instanceId, error }))
        .finally(() => wiping.delete(instanceId));
    }
    throw new Error(`${toWipe.join(', ')} of instance ${instanceId} is not wiped yet`);
  };
}
