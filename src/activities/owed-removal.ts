import { ApplicationFailure } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Logger } from '@temporalio/worker';
import type { OwedRemoval } from '../model/host-record.ts';
import type { Instance } from '../model/instance.ts';
import type { Token } from '../model/tenure.ts';
import type { Removal } from './debts.ts';
import type { DiskLongActivities } from './disks.ts';
import type { DomainActivities } from './domain.ts';
import { queryRecord } from './record-client.ts';
import type { SourceActivities } from './resize/source.ts';

type Hands = Pick<DomainActivities, 'removeInstance'> & Pick<SourceActivities, 'leaveHost'> & Pick<DiskLongActivities, 'wipeDisks'>;

/**
 * Removes what this host owes to have removed: an instance, or what a migration left of it. A device that it leaves is wiped meanwhile: until
 * that is done the removal fails, and stays owed.
 */
export function owedRemoval({ removeInstance, leaveHost, wipeDisks }: Hands, host: string, logger: Logger): Removal {
  const wiping = new Set<string>();
  return async (removal, by) => {
    const { instanceId } = removal;
    const { toWipe } = await (removal.migration === undefined ? removeInstance(removal) : leave(removal, by));
    if (toWipe.length === 0) return;
    if (!wiping.has(instanceId)) {
      wiping.add(instanceId);
      wipeDisks(removal)
        .catch((error: unknown) => logger.warn('a device could not be wiped', { instanceId, error }))
        .finally(() => wiping.delete(instanceId));
    }
    throw new Error(`${toWipe.join(', ')} of instance ${instanceId} is not wiped yet`);
  };

  async function leave(removal: OwedRemoval, by: Client): ReturnType<SourceActivities['leaveHost']> {
    const { token, instanceId, migration } = removal;
    const left = { instanceId, migrationId: migration?.storage === 'separate' ? migration.id : null };
    try {
      return await leaveHost({ token, ...left });
    } catch (stale) {
      const isShared = migration?.storage === 'shared' && stale instanceof ApplicationFailure && stale.type === 'StaleToken';
      const newer = isShared ? await tokenElsewhere(instanceId, by) : null;
      if (newer === null) throw stale;
      return leaveHost({ token: newer, ...left });
    }
  }

  /** In a directory that hosts share, operations of where the instance lives now are newer than a debt, though none of them was here. Null: it is here. */
  async function tokenElsewhere(instanceId: string, by: Client): Promise<Token | null> {
    const instance = await queryRecord<Instance>('instance', instanceId, by);
    if (instance === null || instance.host === host) return null;
    if (instance.operation !== null || instance.open !== null) throw new Error(`instance ${instanceId} is being worked on: later`);
    const run = instance.recent.at(-1)?.runId ?? '';
    return { run, generation: instance.generation, step: Number.MAX_SAFE_INTEGER };
  }
}
