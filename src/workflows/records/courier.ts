import { CancellationScope, log, proxyActivities } from '@temporalio/workflow';
import type { SinkName } from '../../model/notification.ts';
import { nextFor, type Outbox } from '../../model/outbox.ts';
import { notifyQueue } from '../../model/queues.ts';
import type { NotifyActivities } from '../activities.ts';

const { sendNotifications } = proxyActivities<NotifyActivities>({
  taskQueue: notifyQueue,
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/** Takes what waits in a record's outbox to the sinks. */
export interface Courier {
  /** Called whenever something may wait; does nothing when nothing does. */
  readonly send: () => void;
  /** Whether something is on its way: a run that ended now would send it again. */
  readonly isSending: () => boolean;
}

/**
 * One activity a sink at a time, so that each sink gets an instance's notifications in order, and one that is away holds up
 * neither another nor the record: its activity is tried again by the server, which adds nothing to the history. `onSent`
 * takes what was sent out of the outbox. An outbox with something in it is data that histories without notifications lack.
 */
export function courier(outbox: () => Outbox | undefined, onSent: (sink: SinkName, through: number) => void): Courier {
  const onTheWay = new Set<SinkName>();
  let lost = outbox()?.lost ?? 0;
  return {
    send: () => {
      const now = outbox();
      if (now !== undefined && now.lost > lost)
        log.error('too many notifications wait: the oldest were dropped', { dropped: now.lost - lost });
      lost = now?.lost ?? 0;
      for (const sink of now?.policy.sinks ?? []) send(sink);
    },
    isSending: () => onTheWay.size > 0,
  };

  function send(sink: SinkName): void {
    const notifications = nextFor(outbox(), sink);
    if (notifications.length === 0 || onTheWay.has(sink)) return;
    onTheWay.add(sink);
    const done = ({ through }: { through: number }) => {
      onTheWay.delete(sink);
      onSent(sink, through);
      send(sink);
    };
    // Its retries never end, so that the only rejection is the end of the record's own run.
    CancellationScope.nonCancellable(() => sendNotifications({ sink, notifications })).then(done, () => {});
  }
}
