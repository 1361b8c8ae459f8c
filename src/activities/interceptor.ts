import { ApplicationFailure, Context } from '@temporalio/activity';
import { defaultPayloadConverter } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { contextHeader, decodeContext } from '../context.ts';
import type { Token } from '../model/tenure.ts';
import { decodedContext } from './context.ts';
import { failureOf } from './failures.ts';
import { faultHook, faultPoint } from './fault-hook.ts';
import { type Progress, progressHolder } from './progress.ts';

export interface StepOptions {
  /** A host's steps heartbeat each second: a cancel arrives only with a heartbeat. */
  readonly heartbeats: boolean;
  /** Directory of faults, in tests. */
  readonly faults: string | null;
}

const heartbeatMs = 1_000;

/** Around every activity: its token belongs to its run, its context is known, it heartbeats, and its errors are sorted. */
export function stepInterceptor({ heartbeats, faults }: StepOptions): ActivityInboundCallsInterceptor {
  return {
    execute: async (input, next) => {
      requireOwnToken(input);
      const header = input.headers[contextHeader];
      const context = header === undefined ? null : decodeContext(defaultPayloadConverter.fromPayload(header));
      try {
        const work = () => withFaults(faults, () => next(input));
        return await decodedContext.run(context, () => (heartbeats ? beating(work) : work()));
      } catch (error) {
        throw failureOf(error);
      }
    },
  };
}

/** A reset run replays the token of the run it was made from: it has to enter again before it touches anything. */
function requireOwnToken({ args: [first] }: ActivityExecuteInput): void {
  const token = typeof first === 'object' && first !== null && 'token' in first ? (first.token as Token | null) : null;
  const { workflowExecution } = Context.current().info;
  if (token === null || token.run === workflowExecution?.runId) return;
  throw ApplicationFailure.nonRetryable('the token is that of another run', 'StaleToken');
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
