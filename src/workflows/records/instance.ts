import { continueAsNew, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import type { Instance, InstanceChanges } from '../../model/instance.ts';
import {
  abandon,
  type Begin,
  begin,
  emptyInstance,
  enter,
  finish,
  type InstanceState,
  refusalToBegin,
  refusalToEnter,
} from '../../model/instance-record.ts';
import { searchAttributes as attribute } from '../../model/search-attributes.ts';
import { serveHeldRecord } from './held.ts';

/** The record of one instance and its only writer. Its run completes, with the record, when the instance is deleted. */
export async function instance(carried: InstanceState = emptyInstance): Promise<Instance | null> {
  const { end, state } = await serveHeldRecord<Instance, InstanceState, Begin, InstanceChanges>(carried, {
    begin,
    enter,
    finish,
    abandon,
    refusalToBegin,
    refusalToEnter,
    show,
    begun: ({ touched }) => ({ touched }),
    isClosed: ({ vmState }) => vmState === 'deleted',
  });
  return end === 'closed' ? state.record : continueAsNew<typeof instance>(state);
}

/** Lists find an instance by its states; what else a row shows is in the memo. */
function show(record: Instance, shownAt: string): void {
  const { id, name, projectId, userId, vmState, taskState, powerState, host, flavor, image, ports, createdAt, fault } = record;
  upsertSearchAttributes([
    { key: attribute.instanceId, value: id },
    { key: attribute.objectName, value: name },
    { key: attribute.projectId, value: projectId },
    { key: attribute.vmState, value: vmState },
    { key: attribute.taskState, value: taskState },
    { key: attribute.powerState, value: powerState },
    { key: attribute.computeHost, value: host },
  ]);
  upsertMemo({ userId, flavor: flavor.name, image, addresses: ports.map(({ ip }) => ip), fault: fault?.type ?? null, createdAt, shownAt });
}
