import { activityInfo } from '@temporalio/activity';
import type { Instance, InstanceAlterations } from '../../model/instance.ts';
import type { AlterInstance } from '../../model/instance-record.ts';
import type { Action } from '../../model/transitions.ts';
import type { Shown } from '../../workflows/records/held.ts';
import { whenListed } from '../listing.ts';
import { fail, queryRecord, update } from '../record-client.ts';
import { requester } from '../told.ts';
import { parsed } from './parse.ts';

/** Changes of an instance's record beside whatever is under way on it: one message each. All are repeatable, and raise their refusals with nothing changed. */
export interface AlterActivities {
  /** Keeps everybody but administrators off. An owner's lock is known from an administrator's: only they may take theirs away. */
  lockInstance(input: { request: unknown }): Promise<Instance>;
  unlockInstance(input: { request: unknown }): Promise<Instance>;
  renameInstance(input: { request: unknown }): Promise<Instance>;
  setInstanceMetadata(input: { request: unknown }): Promise<Instance>;
}

export const alterActivities: AlterActivities = {
  lockInstance: async ({ request }) => {
    const { instanceId, reason = null } = parsed('lockInstance', request);
    const instance = await queryRecord<Instance>('instance', instanceId);
    const by = instance?.projectId === requester().projectId ? 'owner' : 'admin';
    return altered('lockInstance', instanceId, { locked: { by, reason } });
  },
  unlockInstance: async ({ request }) => altered('unlockInstance', parsed('unlockInstance', request).instanceId, { locked: null }),
  renameInstance: async ({ request }) => {
    const { instanceId, name } = parsed('renameInstance', request);
    return altered('renameInstance', instanceId, { name });
  },
  setInstanceMetadata: async ({ request }) => {
    const { instanceId, metadata } = parsed('setInstanceMetadata', request);
    return altered('setInstanceMetadata', instanceId, { metadata });
  },
};

async function altered(action: Action, instanceId: string, changes: InstanceAlterations): Promise<Instance> {
  const { workflowExecution: run } = activityInfo();
  const message: AlterInstance = { action, by: requester(), changes, ...(run === undefined ? {} : { run }) };
  const workflowId = `instance/${instanceId}`;
  const absent = fail('InstanceNotFound', `there is no instance ${instanceId}`);
  const { record, shownAt } = await update<Shown<Instance>>(workflowId, 'alter', message, absent);
  await whenListed(workflowId, shownAt);
  return record;
}
