import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { type DecodedContext, decodeContext, logFieldsOf } from '../context.ts';

// Each run has modules of its own.
let decoded: DecodedContext | null = null;

/** Keeps whose run this is: what came in its header. Called once, before the run does anything. */
export function keepRequester(header: Payload): void {
  decoded = decodeContext(defaultPayloadConverter.fromPayload(header));
}

/** What every log line of the run says of who asked. */
export function requesterFields(): ReturnType<typeof logFieldsOf> {
  return logFieldsOf(decoded);
}

/** Who asked, for the run's details in the UI; null when no context came. */
export function requesterLine(): string | null {
  if (decoded === null) return null;
  if (!decoded.ok) return 'asked for with a context that is none';
  const { userId, projectId, requestId, isAdmin } = decoded.context;
  return `asked for by ${userId}${isAdmin ? ', an administrator,' : ''} of project ${projectId}, request ${requestId}`;
}
