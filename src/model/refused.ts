import type { Failure } from './failure.ts';

/** Why a record does not take a message: becomes the failure of the run that sent it. */
export interface Refused {
  readonly type: Failure;
  /** A sentence that says what is the case and what would help. */
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}
