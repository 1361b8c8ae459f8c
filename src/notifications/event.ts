import { CloudEvent } from 'cloudevents';
import { eventOf, updateEvent } from '../model/action-events.ts';
import type { Notification } from '../model/notification.ts';

/** What a notification says; the names are those of the record. Public API. */
export type NotificationData = Omit<Notification, 'at' | 'phase' | 'operation'> & {
  readonly operation: Omit<NonNullable<Notification['operation']>, 'part' | 'firstTaskState' | 'stage'> | null;
};

const sequenceDigits = 10;

/**
 * A notification as a CloudEvent. The same one has the same id whenever it is sent: the instance and its number, which grows by
 * one with each and is also the attribute `sequence`, in digits that sort.
 */
export function cloudEventOf(notification: Notification, source: string): CloudEvent<NotificationData> {
  const { at, phase, operation, ...said } = notification;
  const { instance, sequence } = said;
  return new CloudEvent<NotificationData>({
    id: `${instance.id}/${sequence}`,
    source,
    type: typeOf(notification),
    subject: `instance/${instance.id}`,
    time: at,
    datacontenttype: 'application/json',
    sequence: `${sequence}`.padStart(sequenceDigits, '0'),
    partitionkey: instance.id,
    data: { ...said, operation: shown(operation) },
  });
}

function typeOf({ phase, operation }: Notification): string {
  return phase === 'update' || operation === null ? updateEvent : eventOf(operation, phase);
}

function shown(operation: Notification['operation']): NotificationData['operation'] {
  if (operation === null) return null;
  const { part: _part, firstTaskState: _firstTaskState, stage: _stage, ...rest } = operation;
  return rest;
}
