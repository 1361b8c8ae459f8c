import {
  ApplicationFailure,
  CancelledFailure,
  NamespaceNotFoundError,
  ServiceError,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { CodecError } from '../codec/codec-error.ts';
import { type Refusal, refusals } from '../model/failure.ts';
import { CommandError, type ExitCode, exitCodes } from './exit-codes.ts';
import { codeOf, status } from './grpc-status.ts';
import { table } from './tables.ts';

/** How the command ends with an error: what it says, and its exit code. */
export interface Explanation {
  readonly exitCode: ExitCode;
  readonly message: string;
}

const notFound: ReadonlySet<string> = new Set<Refusal>(['InstanceNotFound', 'ImageNotFound', 'NetworkNotFound', 'HostNotFound']);
const refused: ReadonlySet<string> = new Set<Refusal>(refusals);

/** An error of any sort as its explanation: never a stack. */
export function explain(error: unknown): Explanation {
  if (error instanceof CommandError) return { exitCode: error.exitCode, message: error.message };
  if (error instanceof CodecError) return { exitCode: exitCodes.refused, message: error.message };
  const failure = failureBehind(error);
  if (failure instanceof ApplicationFailure) return explainFailure(failure);
  if (failure instanceof TemporalFailure) return { exitCode: exitCodes.failed, message: sentenceOf(endOf(failure)) };
  if (failure instanceof NamespaceNotFoundError) {
    const message = `Temporal has no namespace ${failure.namespace}: set TEMPORAL_NAMESPACE`;
    return { exitCode: exitCodes.unreachable, message };
  }
  const exitCode = exitCodeOf(failure);
  return { exitCode, message: exitCode === exitCodes.unreachable ? `cannot reach Temporal: ${messageOf(failure)}` : messageOf(failure) };
}

/** How a run ended that did not complete: a type and a sentence. */
export function endOf(error: unknown): { readonly type: string; readonly message: string } {
  const failure = failureBehind(error);
  if (failure instanceof ApplicationFailure) return { type: failure.type ?? 'Error', message: failure.message };
  if (failure instanceof CancelledFailure) return { type: 'Cancelled', message: 'the operation was cancelled and undid what it had done' };
  if (failure instanceof TerminatedFailure) return { type: 'Terminated', message: failure.message || 'without a reason' };
  return { type: failure instanceof TimeoutFailure ? 'TimedOut' : 'Error', message: messageOf(failure) };
}

/** Where the wrappers of client and server end. */
function failureBehind(error: unknown): unknown {
  const isWrapper = error instanceof WorkflowFailedError || error instanceof WorkflowUpdateFailedError;
  return isWrapper && error.cause !== undefined ? error.cause : error;
}

function explainFailure(failure: ApplicationFailure): Explanation {
  const { type } = endOf(failure);
  const exitCode = notFound.has(type) ? exitCodes.notFound : refused.has(type) ? exitCodes.refused : exitCodes.failed;
  const hosts = removedHosts(failure);
  if (hosts.length === 0) return { exitCode, message: sentenceOf(endOf(failure)) };
  const rows = hosts.map(({ host, filter, reason }) => [host, filter, reason]);
  return { exitCode, message: `${type}: no host can take the instance\n${table(['HOST', 'FILTER', 'REASON'], rows)}` };
}

/** Of a `NoValidHost`: what removed each host. */
function removedHosts({ type, details }: ApplicationFailure): readonly { host: string; filter: string; reason: string }[] {
  if (type !== 'NoValidHost') return [];
  const { hosts = [] } = (details?.[0] ?? {}) as { hosts?: readonly { host: string; filter: string; reason: string }[] };
  return hosts;
}

function sentenceOf({ type, message }: { type: string; message: string }): string {
  return `${type}: ${message}`;
}

/** The server is not there, or does not let us in. */
const unreachableCodes: readonly unknown[] = [status.DEADLINE_EXCEEDED, status.UNAVAILABLE, status.UNAUTHENTICATED];

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof WorkflowNotFoundError) return exitCodes.notFound;
  return unreachableCodes.includes(codeOf(error)) ? exitCodes.unreachable : exitCodes.failed;
}

function messageOf(error: unknown): string {
  const cause = error instanceof ServiceError ? error.cause : undefined;
  const detail = cause instanceof Error && 'details' in cause && typeof cause.details === 'string' ? cause.details : null;
  return detail ?? (error instanceof Error ? error.message : String(error));
}
