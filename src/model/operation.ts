import type { Token } from './tenure.ts';

/** What an operator has to look at, as the search attribute `Attention`. Closed. */
export type Attention = 'StepFailed' | 'HostSilent' | 'UndoFailed' | 'StateUnknown' | 'NeedsDecision';

export type OnFailure = 'rollback' | 'park';

export interface StepView {
  readonly name: string;
  readonly host: string | null;
  readonly state: 'done' | 'running' | 'waiting' | 'undone';
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** What the step decided, and why. */
  readonly note?: string;
}

/** A step that is out of retries and waits for the update `retry` or `rollback`. */
export interface Parked {
  readonly number: number;
  readonly step: string;
  readonly host: string | null;
  readonly attention: Attention;
  readonly failure: { readonly type: string; readonly message: string };
  readonly since: string;
  readonly mayChange: readonly string[];
}

/** Answer of the query `operation`. Public API. */
export interface OperationView {
  readonly type: string;
  readonly instanceId: string | null;
  readonly step: string | null;
  readonly steps: readonly StepView[];
  readonly parked: Parked | null;
}

/** Argument of the updates `retry` and `rollback`. Public API. */
export interface Decision {
  /** 1 to 500 characters, kept in the history. */
  readonly reason: string;
  /** `parked.number`; absent: the present one. */
  readonly park?: number;
  readonly input?: Readonly<Record<string, unknown>>;
}

/** What every `accept` returns, whatever it accepted. */
export interface Accepted {
  readonly token: Token;
  readonly onFailure: OnFailure;
  /** Whether what nobody has to wait for is done while the record is let go. Absent in runs of before 0.2. */
  readonly letsGoEarly?: true;
  /** Whether the story decides each time what becomes of a guest whose hosts lost one another. Absent in runs of before 0.2. */
  readonly hearsOfEachBreak?: true;
  /** The record, when there turned out to be nothing left to do. */
  readonly done?: unknown;
}
