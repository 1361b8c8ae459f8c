import type { ActivityOptions } from '@temporalio/workflow';
import type { ControlActivities } from '../activities/control.ts';
import type { HostActivities, HostLongActivities } from '../activities/host.ts';
import { controlQueue, longQueueOf, quickQueueOf } from '../model/queues.ts';

export type { AttendActivities } from '../activities/attend.ts';
export type { NotifyActivities } from '../activities/notifications.ts';
export type { WatchActivities } from '../activities/watch.ts';
export type { WishActivities } from '../activities/wishes.ts';

/** Time-outs are named here, by kind of work, and nowhere else. */
export interface KindOfWork {
  /** The host whose queue takes it, or null for a control worker. */
  readonly host: string | null;
  readonly options: ActivityOptions;
  /** Nobody taking it in time means little: whether its host is up is asked, and it is queued again. */
  readonly waitsForSlot?: boolean;
  /** Its failure on a host that is away is the story's business, and no operator's. */
  readonly mayBeAway?: boolean;
}

const cancelled = 'WAIT_CANCELLATION_COMPLETED';

/** Messages to records and decisions: milliseconds. A control worker that dies is replaced by any other. */
export const onControl: KindOfWork = {
  host: null,
  options: {
    taskQueue: controlQueue,
    startToCloseTimeout: '10 seconds',
    cancellationType: cancelled,
    retry: { initialInterval: '50 milliseconds', maximumInterval: '2 seconds', maximumAttempts: 30 },
  },
};

/** A control activity that waits for another operation to let go; it heartbeats. */
export const patientlyOnControl: KindOfWork = {
  host: null,
  options: { ...onControl.options, startToCloseTimeout: '2 minutes', heartbeatTimeout: '10 seconds' },
};

/**
 * Seconds of work on `host`. A worker that restarts is waited for; one that takes nothing for 30 s fails the step: the
 * time-out is never retried.
 */
export function quicklyOn(host: string): KindOfWork {
  return {
    host,
    options: {
      taskQueue: quickQueueOf(host),
      scheduleToStartTimeout: '30 seconds',
      startToCloseTimeout: '60 seconds',
      heartbeatTimeout: '10 seconds',
      cancellationType: cancelled,
      retry: { initialInterval: '100 milliseconds', maximumInterval: '5 seconds', maximumAttempts: 8 },
    },
  };
}

/** Work on `host` that waits for something of the guest's: the configured wait and a minute. */
export function waitingOn(host: string, seconds: number): KindOfWork {
  const quick = quicklyOn(host);
  return { host, options: { ...quick.options, startToCloseTimeout: (seconds + 60) * 1000 } };
}

/**
 * Minutes or hours of work on `host` that heartbeat their progress. A cancel reaches them with the next heartbeat. Waiting for one
 * of its few slots is normal as long as the host is up, which is looked at once a minute.
 */
export function longOn(host: string): KindOfWork {
  return {
    host,
    waitsForSlot: true,
    options: {
      taskQueue: longQueueOf(host),
      scheduleToStartTimeout: '1 minute',
      startToCloseTimeout: '24 hours',
      heartbeatTimeout: '10 seconds',
      cancellationType: cancelled,
      retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 10 },
    },
  };
}

/** An undo on a host that may be away: it is waited for longer, then the operation parks. */
export function whenItReturns(host: string): KindOfWork {
  const quick = quicklyOn(host);
  return { host, options: { ...quick.options, scheduleToStartTimeout: '10 minutes' } };
}

/** The same for an undo that takes minutes, such as that of a guest whose memory is read from disk. */
export function longWhenItReturns(host: string): KindOfWork {
  const long = longOn(host);
  return { ...long, options: { ...long.options, scheduleToStartTimeout: '10 minutes' } };
}

/** An undo that a host which is away can be left to do when it is back: it is waited for shortly. */
export function unlessItIsAway(host: string): KindOfWork {
  const quick = quicklyOn(host);
  return { host, mayBeAway: true, options: { ...quick.options, scheduleToStartTimeout: '10 seconds' } };
}

/** Activities as a story calls them: the frame adds the token. */
export type Steps<Activities> = {
  readonly [Name in keyof Activities]: Activities[Name] extends (input: infer Input) => Promise<infer Result>
    ? (input: Omit<Input, 'token'>) => Promise<Result>
    : never;
};

export type ControlSteps = Steps<ControlActivities>;
export type HostSteps = Steps<HostActivities>;
export type HostLongSteps = Steps<HostLongActivities>;
