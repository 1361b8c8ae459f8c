import type { SearchAttributeUpdatePair } from '@temporalio/common';
import { defineUpdate, setHandler } from '@temporalio/workflow';
import type { Instance, InstanceChanges } from '../../model/instance.ts';
import { notifying, notifyingAlteration, notifyingAsBefore, notifyingAsBegun } from '../../model/instance-notifications.ts';
import {
  type AlterInstance,
  abandon,
  alter,
  type Begin,
  begin,
  emptyInstance,
  enter,
  finish,
  type InstanceState,
  refusalToAlter,
  refusalToBegin,
  refusalToEnter,
} from '../../model/instance-record.ts';
import type { SinkName } from '../../model/notification.ts';
import { sentTo } from '../../model/outbox.ts';
import { type Observation, observed, refusalToObserve, type Sync, syncIn } from '../../model/power-sync.ts';
import { searchAttributes as attribute } from '../../model/search-attributes.ts';
import { wishAfterStart } from '../../model/wish.ts';
import { type Access, serveHeldRecord } from './held.ts';
import { continueWith } from './life.ts';
import { now, refuseWith } from './refuse.ts';

/** The record of one instance and its only writer. Its run completes, with the record, when the instance is deleted. */
export async function instance(carried: InstanceState = emptyInstance): Promise<Instance | null> {
  const { end, state } = await serveHeldRecord<Instance, InstanceState, Begin, InstanceChanges, AlterInstance>(carried, {
    begin: notifying(begin),
    enter: notifyingAsBegun(enter),
    finish: notifying(finish),
    abandon: notifyingAsBefore(abandon),
    refusalToBegin,
    refusalToEnter,
    alter: { refusal: refusalToAlter, apply: notifyingAlteration(alter) },
    attributes,
    memo,
    begun: ({ touched }) => ({ touched }),
    isClosed: ({ vmState }) => vmState === 'deleted',
    outbox: { of: (state) => state.outbox, afterSending },
    wishes: { of: ({ wish }) => wish, afterStart: (state, id) => ({ ...state, wish: wishAfterStart(state, id) }) },
    others: takeObservations,
  });
  return end === 'closed' ? state.record : continueWith<typeof instance>(state);
}

function afterSending(state: InstanceState, sink: SinkName, through: number): InstanceState {
  return state.outbox === undefined ? state : { ...state, outbox: sentTo(state.outbox, sink, through) };
}

/** What the hypervisor says of the guest while nobody works on it. */
function takeObservations({ state, change }: Access<InstanceState>): void {
  const observe = notifyingAsBefore(observed);
  setHandler(
    defineUpdate<Sync, [Observation]>('observe'),
    (message) => {
      const sync = syncIn(state(), message);
      if (sync !== 'nothing') change(observe(state(), message, now()));
      return sync;
    },
    { validator: (message) => refuseWith(refusalToObserve(state(), message)) },
  );
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

function memo({ userId, flavor, image, disks, ports, createdAt, fault, generation }: Instance): object {
  // What it stands on, so that nobody deletes it.
  const images = [...new Set([image, ...disks.map(({ backing }) => backing?.imageId ?? null)])].filter((id) => id !== null);
  const addresses = ports.map(({ ip }) => ip);
  return { userId, flavor: flavor.name, image, images, addresses, fault: fault?.type ?? null, createdAt, generation };
}
