import type { Instance } from '../../model/instance.ts';
import { maySee, unseen } from '../../model/permission.ts';
import { currentContext } from '../context.ts';
import { fail, queryRecord } from '../record-client.ts';

/** An instance to look at. Raises `InstanceNotFound` when there is none, and, to who is no administrator, when it is another project's. */
export async function visibleInstance(instanceId: string): Promise<Instance> {
  const instance = await queryRecord<Instance>('instance', instanceId);
  if (instance !== null && instance.vmState !== 'deleted' && maySee(currentContext(), instance)) return instance;
  const { type, message } = unseen(instanceId);
  throw fail(type, message);
}
