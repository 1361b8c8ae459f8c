import type { CloudEvent } from 'cloudevents';

/** A receiver of notifications. */
export interface Sink {
  /** Resolves once the receiver has the event; rejects when it may not have it. `signal` ends the wait. */
  readonly send: (event: CloudEvent<unknown>, signal: AbortSignal) => Promise<void>;
  /** Whether it was lost, so that another has to be opened. */
  readonly isOver?: () => boolean;
  readonly close?: () => Promise<void>;
}
