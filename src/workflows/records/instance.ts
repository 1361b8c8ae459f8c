import type { SearchAttributeUpdatePair } from '@temporalio/common';
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
import { continueWith } from './life.ts';

/** The record of one instance and its only writer. Its run completes, with the record, when the instance is deleted. */
export async function instance(carried: InstanceState = emptyInstance): Promise<Instance | null> {
  const { end, state } = await serveHeldRecord<Instance, InstanceState, Begin, InstanceChanges>(carried, {
    begin,
    enter,
    finish,
    abandon,
    refusalToBegin,
    refusalToEnter,
    attributes,
    memo,
    begun: ({ touched }) => ({ touched }),
    isClosed: ({ vmState }) => vmState === 'deleted',
  });
  return end === 'closed' ? state.record : continueWith<typeof instance>(state);
}

/** Lists find an instance by its states. */
function attributes({ id, name, projectId, vmState, taskState, powerState, host }: Instance): SearchAttributeUpdatePair[] {
  return [
    { key: attribute.instanceId, value: id },
    { key: attribute.objectName, value: name },
    { key: attribute.projectId, value: projectId },
    { key: attribute.vmState, value: vmState },
    { key: attribute.taskState, value: taskState },
    { key: attribute.powerState, value: powerState },
    { key: attribute.computeHost, value: host },
  ];
}

function memo({ userId, flavor, image, ports, createdAt, fault }: Instance): object {
  return { userId, flavor: flavor.name, image, addresses: ports.map(({ ip }) => ip), fault: fault?.type ?? null, createdAt };
}
