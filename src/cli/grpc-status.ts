import { ServiceError } from '@temporalio/client';

/** The codes of gRPC that the command tells apart. */
export const status = {
  DEADLINE_EXCEEDED: 4,
  FAILED_PRECONDITION: 9,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** The code with which a call to the server ended, or undefined when it was no such call. */
export function codeOf(error: unknown): unknown {
  const cause = error instanceof ServiceError ? error.cause : error;
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
