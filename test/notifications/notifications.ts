import { sample } from '../../docs/notifications.ts';
import type { Notification } from '../../src/model/notification.ts';

/** A notification of a build that has ended well, but for the changes. */
export function notificationOf(changes: Partial<Notification> = {}): Notification {
  return { ...sample, ...changes };
}
