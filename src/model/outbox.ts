import type { Notification, NotificationPolicy, SinkName } from './notification.ts';

/** What a record has still to tell: part of its state, carried through continue-as-new. Plain JSON. */
export interface Outbox {
  /** Of the last message that had one. */
  readonly policy: NotificationPolicy;
  /** The sequence number of the last notification that was made. */
  readonly last: number;
  /** In order; those that no sink waits for any more are gone. */
  readonly waiting: readonly Notification[];
  /** Up to which sequence number each sink has them. */
  readonly sent: Partial<Readonly<Record<SinkName, number>>>;
  /** How many were dropped unsent because there were too many. */
  readonly lost: number;
}

/** A notification before it has its place. */
export type Unnumbered = Omit<Notification, 'sequence'>;

/** From here on, with a sink that is away, the oldest updates become part of the next ones. */
export const manyWaiting = 100;
/** From here on the oldest notification is dropped, whatever it is: what a record carries has to stay below a payload's limit. */
export const mostWaiting = 300;

/** How many a sink is sent at once. */
const batchSize = 20;

/** The outbox with more to send. */
export function posted(outbox: Outbox | undefined, policy: NotificationPolicy, more: readonly Unnumbered[]): Outbox {
  const { last, waiting, sent, lost } = outbox ?? { last: 0, waiting: [], sent: {}, lost: 0 };
  const numbered = more.map((one, index): Notification => ({ ...one, sequence: last + 1 + index }));
  const merged = mergedUpdates([...waiting, ...numbered]);
  const kept = merged.slice(-mostWaiting);
  return { policy, last: last + more.length, waiting: kept, sent, lost: lost + merged.length - kept.length };
}

/** Starts and ends are kept; an update that becomes part of the next one leaves it the states that were before. */
function mergedUpdates(waiting: readonly Notification[]): readonly Notification[] {
  const kept = [...waiting];
  while (kept.length > manyWaiting) {
    const first = kept.findIndex(({ phase }) => phase === 'update');
    const next = kept.findIndex(({ phase }, index) => index > first && phase === 'update');
    const [earlier, later] = [kept[first], kept[next]];
    if (earlier === undefined || later === undefined) return kept;
    kept[next] = { ...later, old: earlier.old, merged: later.merged + earlier.merged + 1 };
    kept.splice(first, 1);
  }
  return kept;
}

/** What a sink is to be sent next, in order; empty when it has all. */
export function nextFor(outbox: Outbox | undefined, sink: SinkName): readonly Notification[] {
  if (outbox === undefined) return [];
  const through = outbox.sent[sink] ?? 0;
  return outbox.waiting.filter(({ sequence }) => sequence > through).slice(0, batchSize);
}

/** The outbox after a sink was sent everything up to this sequence number. */
export function sentTo(outbox: Outbox, sink: SinkName, through: number): Outbox {
  const sent = { ...outbox.sent, [sink]: through };
  const sentToAll = Math.min(...outbox.policy.sinks.map((name) => sent[name] ?? 0));
  return { ...outbox, sent, waiting: outbox.waiting.filter(({ sequence }) => sequence > sentToAll) };
}

/** Whether every sink has everything. */
export function isAllSent(outbox: Outbox | undefined): boolean {
  return outbox === undefined || outbox.policy.sinks.every((sink) => nextFor(outbox, sink).length === 0);
}
