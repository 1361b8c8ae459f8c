import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  type TemporalFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { publicTypeOf } from '../model/failure.ts';
import type { Fault } from '../model/instance.ts';
import type { Attention } from '../model/operation.ts';

/** What lies at the bottom of an activity's failure. */
export function causeOf(failure: unknown): unknown {
  const wrapped = failure instanceof ActivityFailure || failure instanceof ChildWorkflowFailure;
  return wrapped && failure.cause !== undefined ? causeOf(failure.cause) : failure;
}

/** The type of ours that a failure has, or null. */
export function typeOf(failure: unknown): string | null {
  const cause = causeOf(failure);
  return cause instanceof ApplicationFailure ? (cause.type ?? null) : null;
}

/** Nobody took the step: its host is silent. */
export function isSilence(failure: unknown): boolean {
  const cause = causeOf(failure);
  return cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START';
}

/** The host is silent, hangs, or its libvirt cannot be reached: what is there cannot be told. */
export function isAway(failure: unknown): boolean {
  return causeOf(failure) instanceof TimeoutFailure || typeOf(failure) === 'LibvirtUnreachable';
}

export function attentionFor(failure: unknown, isUndo: boolean): Attention {
  if (isUndo) return 'UndoFailed';
  return isSilence(failure) ? 'HostSilent' : 'StepFailed';
}

/**
 * A failure as the run's own: a public type as it is, with its details; everything else is an `OperationFailed`
 * that names step and host.
 */
export function outcomeOf(failure: unknown, at: { step: string; host: string | null }): TemporalFailure {
  const cause = causeOf(failure);
  if (cause instanceof CancelledFailure) return cause;
  const type = publicTypeOf(typeOf(failure));
  if (!(cause instanceof ApplicationFailure) || type === null) {
    return ApplicationFailure.nonRetryable(`${at.step}: ${messageOf(failure)}`, 'OperationFailed', { ...at, ...codeOf(cause) });
  }
  return ApplicationFailure.nonRetryable(cause.message, type, ...(cause.details ?? []));
}

/** Does a step of an operation that holds nothing; its failure is the run's own. */
export async function ownFailure<Result>(step: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (failure) {
    throw outcomeOf(failure, { step, host: null });
  }
}

function codeOf(cause: unknown): { code?: unknown } {
  const details = cause instanceof ApplicationFailure ? cause.details?.[0] : undefined;
  return typeof details === 'object' && details !== null && 'code' in details ? { code: details.code } : {};
}

/** What an operator reads. */
export function messageOf(failure: unknown): string {
  const cause = causeOf(failure);
  if (isSilence(failure)) return 'its compute worker took no work for the time allowed: is it running?';
  if (cause instanceof TimeoutFailure) return `timed out (${cause.timeoutType ?? 'unknown'}): ${cause.message}`;
  return cause instanceof Error ? cause.message : String(cause);
}

/** The fault a record keeps of an operation that ended so. */
export function faultOf(failure: TemporalFailure, operation: Fault['operation'], at: string): Fault {
  return {
    type: failure instanceof ApplicationFailure ? (failure.type ?? 'OperationFailed') : 'OperationFailed',
    message: failure.message,
    at,
    operation,
  };
}
