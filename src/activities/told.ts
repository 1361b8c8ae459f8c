import { AsyncLocalStorage } from 'node:async_hooks';
import type { Config } from '../config.ts';
import type { NotificationPolicy, SinkName } from '../model/notification.ts';
import type { Requester } from '../model/tenure.ts';
import { currentContext } from './context.ts';

/** What instances' records are to tell, by the configuration of this worker; null: nothing. Set by the interceptor. */
export const notificationPolicy = new AsyncLocalStorage<NotificationPolicy | null>();

/** What the configuration has to be told, or null when there is nobody to tell. */
export function policyOf({ notifications }: Pick<Config, 'notifications'>): NotificationPolicy | null {
  const sinks = configuredSinks(notifications);
  return sinks.length === 0 ? null : { stateReport: notifications.notifyOnStateChange, sinks, tellsStages: true };
}

/** The sinks that are configured. */
export function configuredSinks({ log, webhook, nats }: Config['notifications']): readonly SinkName[] {
  return [
    ...(log ? (['log'] as const) : []),
    ...(webhook.url === null ? [] : (['webhook'] as const)),
    ...(nats.servers.length === 0 ? [] : (['nats'] as const)),
  ];
}

/** What every message of an operation to its instance's record says beside what it is about: who asks, and what is to be told. */
export function withTold(workflowId: string, name: string, message: object): object {
  if (!workflowId.startsWith('instance/') || !['begin', 'enter', 'finish', 'alter'].includes(name)) return message;
  const notify = notificationPolicy.getStore() ?? null;
  return { ...message, ...(name === 'begin' ? { by: requester() } : {}), ...(notify === null ? {} : { notify }) };
}

/** Who asks for what this activity does. Raises `InvalidRequest` when the header was no context. */
export function requester(): Requester {
  const { userId, projectId, requestId, isAdmin } = currentContext();
  return { userId, projectId, requestId, isAdmin };
}
