import { ApplicationFailure } from '@temporalio/common';
import type { Failure } from '../model/failure.ts';

/** A failure of ours, for good. */
export function fail(type: Failure, message: string, details?: object): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type, ...(details === undefined ? [] : [details]));
}
