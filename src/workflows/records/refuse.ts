import { ApplicationFailure } from '@temporalio/workflow';
import type { Refused } from '../../model/refused.ts';

/** Ends an update's validator with the refusal, if there is one. Validators are synchronous: an asynchronous one wedges the workflow. */
export function refuseWith(refused: Refused | null): void {
  if (refused !== null) throw failureOf(refused);
}

/** The refusal as the failure of the run that asked. */
export function failureOf({ type, message, details }: Refused): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type, ...(details === undefined ? [] : [details]));
}

/** Now, as records keep it: deterministic in a workflow. */
export function now(): string {
  return new Date().toISOString();
}
