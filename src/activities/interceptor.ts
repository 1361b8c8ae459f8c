import { ApplicationFailure, Context } from '@temporalio/activity';
import { defaultPayloadConverter } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInterceptors } from '@temporalio/worker';
import { contextHeader, type DecodedContext, decodeContext, logFieldsOf } from '../context.ts';
import type { NotificationPolicy } from '../model/notification.ts';
import type { Token } from '../model/tenure.ts';
import { decodedContext } from './context.ts';
import { failureOf } from './failures.ts';
import { faultHook, faultPoint } from './fault-hook.ts';
import { type Progress, progressHolder } from './progress.ts';
import { type Entering, recordActivities } from './records.ts';
import { notificationPolicy } from './told.ts';

export interface StepOptions {
  /** A host's steps heartbeat each second: a cancel arrives only with a heartbeat. */
  readonly heartbeats: boolean;
  /** Directory of faults, in tests. */
  readonly faults: string | null;
  /** What instances' records are to tell of what its activities do to them; null: nothing. */
  readonly notify: NotificationPolicy | null;
}

const heartbeatMs = 1_000;

/** Around one activity: its token belongs to its run, its context is known and in its log lines, it heartbeats, and its errors are sorted. */
export function stepInterceptors({ heartbeats, faults, notify }: StepOptions): ActivityInterceptors {
  let context: DecodedContext | null = null;
  return {
    inbound: {
      execute: async (input, next) => {
        const header = input.headers[contextHeader];
        context = header === undefined ? null : decodeContext(defaultPayloadConverter.fromPayload(header));
        try {
          requireOwnToken(input);
          const { step, entering } = parted(input);
          const act = () => withFaults(faults, () => next(step));
          const work = entering === null ? act : () => alongside(act, entering);
          const told = () => notificationPolicy.run(notify, () => (heartbeats ? beating(work) : work()));
          return await decodedContext.run(context, told);
        } catch (error) {
          throw failureOf(error);
        }
      },
    },
    outbound: { getLogAttributes: (input, next) => next({ ...input, ...logFieldsOf(context) }) },
  };
}

/** A reset run replays the token of the run it was made from: it has to enter again before it touches anything. */
function requireOwnToken({ args: [first] }: ActivityExecuteInput): void {
  const token = typeof first === 'object' && first !== null && 'token' in first ? (first.token as Token | null) : null;
  const { workflowExecution } = Context.current().info;
  if (token === null || token.run === workflowExecution?.runId) return;
  throw ApplicationFailure.nonRetryable('the token is that of another run', 'StaleToken');
}

/** A step apart from what it carries for its record. */
function parted(input: ActivityExecuteInput): { readonly step: ActivityExecuteInput; readonly entering: Entering | null } {
  const [first, ...others] = input.args;
  if (typeof first !== 'object' || first === null || !('entering' in first)) return { step: input, entering: null };
  const { entering, ...own } = first as { readonly entering: Entering };
  return { step: { ...input, args: [own, ...others] }, entering };
}

/**
 * Waits for both whatever becomes of either: an attempt that is over works no more. What is told of it the record knows: this worker's
 * configuration may be a host's.
 */
async function alongside<Result>(work: () => Promise<Result>, entering: Entering): Promise<Result> {
  const enter = () => recordActivities.enter(entering);
  const [done, entered] = await Promise.allSettled([work(), notificationPolicy.run(null, enter)]);
  if (done.status === 'rejected') throw done.reason;
  if (entered.status === 'rejected') throw entered.reason;
  return done.value;
}

/** The first after a second: each is a write of the server's, and most steps are over by then. */
async function beating(work: () => Promise<unknown>): Promise<unknown> {
  const holder: { current: Progress | null } = { current: null };
  const timer = setInterval(() => Context.current().heartbeat(holder.current), heartbeatMs);
  try {
    return await progressHolder.run(holder, work);
  } finally {
    clearInterval(timer);
  }
}

async function withFaults(directory: string | null, work: () => Promise<unknown>): Promise<unknown> {
  if (directory === null) return work();
  return faultHook.run({ directory, step: Context.current().info.activityType }, async () => {
    await faultPoint('before');
    const result = await work();
    await faultPoint('after');
    return result;
  });
}
