import { setTimeout } from 'node:timers/promises';
import { Context, log } from '@temporalio/activity';
import type { Config } from '../config.ts';
import type { Notification, SinkName } from '../model/notification.ts';
import type { Sink } from '../notifications/sink.ts';
import { configuredSinks } from './told.ts';

export interface NotifyActivities {
  /**
   * Sends notifications of one instance to one sink, in their order, and answers up to which sequence number the sink has them:
   * at least the first, or those before the one that failed. Fails as long as the first cannot be sent and is not too old.
   * Repeatable: a receiver may see one again, with the same id.
   */
  sendNotifications(input: { sink: SinkName; notifications: readonly Notification[] }): Promise<{ readonly through: number }>;
}

const heartbeatMs = 2_000;
/** An activity answers from time to time, so that what was sent is not sent again after a kill. */
const answerAfterMs = 20_000;

/**
 * An activity stays so long after it has sent: what comes meanwhile is sent by the next one at once, so that a build takes two or
 * three activities instead of seven, and its record 20 events less.
 */
const lingerMs = 250;

/** Nothing comes after the end of a deleted instance, whose record waits for this. */
function isLast(notifications: readonly Notification[]): boolean {
  return notifications.at(-1)?.instance.deletedAt !== null;
}

type Notifications = Config['notifications'];

export function notifyActivities(config: Pick<Config, 'notifications'>, stopping: AbortSignal): NotifyActivities {
  const { giveUpAfterSeconds } = config.notifications;
  const sinks = lazySinks(config.notifications, stopping);
  return {
    sendNotifications: async ({ sink: name, notifications }) => {
      const { info, cancellationSignal } = Context.current();
      const signal = AbortSignal.any([cancellationSignal, stopping]);
      const timer = setInterval(() => Context.current().heartbeat(), heartbeatMs);
      try {
        const answer = await inOrder(notifications, (one) => sendOne(name, one, `/novaflow/${info.workflowNamespace}`, signal));
        if (!isLast(notifications)) await setTimeout(lingerMs, undefined, { signal }).catch(() => {});
        return answer;
      } finally {
        clearInterval(timer);
      }
    },
  };

  async function sendOne(name: SinkName, notification: Notification, source: string, signal: AbortSignal): Promise<void> {
    const { cloudEventOf } = await import('../notifications/event.ts');
    const event = cloudEventOf(notification, source);
    try {
      const sink = await sinks(name);
      if (sink === null) throw new Error(`${name} is not configured here`);
      await sink.send(event, signal);
    } catch (error) {
      if (signal.aborted || Date.now() - Date.parse(notification.at) < giveUpAfterSeconds * 1000) throw error;
      const why = error instanceof Error ? error.message : String(error);
      log.error('a notification is given up', { sink: name, event: event.id, type: event.type, why });
    }
  }
}

/** Stops at the first that fails; what went before it counts. */
async function inOrder(
  notifications: readonly Notification[],
  send: (notification: Notification) => Promise<void>,
): Promise<{ through: number }> {
  let through = 0;
  const answerAt = Date.now() + answerAfterMs;
  for (const notification of notifications) {
    try {
      await send(notification);
    } catch (error) {
      if (through === 0) throw error;
      break;
    }
    through = notification.sequence;
    if (Date.now() > answerAt) break;
  }
  return { through };
}

/** Each sink is opened, and its library loaded, when the first notification goes there; one that could not be, or was lost, is opened again. */
function lazySinks(notifications: Notifications, stopping: AbortSignal): (name: SinkName) => Promise<Sink | null> {
  const opened = new Map<SinkName, Promise<Sink>>();
  const configured = configuredSinks(notifications);
  stopping.addEventListener('abort', () => {
    for (const sink of opened.values()) sink.then(({ close }) => close?.()).catch(() => {});
  });
  return async (name) => {
    if (!configured.includes(name)) return null;
    const before = opened.get(name);
    const known = await before;
    if (known !== undefined && known.isOver?.() !== true) return known;
    const meanwhile = opened.get(name);
    return meanwhile === before || meanwhile === undefined ? openedAnew(name) : meanwhile;
  };

  function openedAnew(name: SinkName): Promise<Sink> {
    const sink = open(name, notifications);
    opened.set(name, sink);
    sink.catch(() => opened.delete(name));
    return sink;
  }
}

async function open(name: SinkName, { webhook: { url, secret, timeoutSeconds }, nats }: Notifications): Promise<Sink> {
  if (name === 'nats') return (await import('../notifications/nats-sink.ts')).natsSink(nats);
  if (name === 'log' || url === null || secret === null) return (await import('../notifications/log-sink.ts')).logSink;
  return (await import('../notifications/webhook-sink.ts')).webhookSink({ url, secret, timeoutSeconds });
}
