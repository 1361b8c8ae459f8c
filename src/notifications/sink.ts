import type { CloudEvent } from 'cloudevents';

/** A receiver of notifications. */
export interface Sink {
  /** Resolves once the receiver has the event; rejects when it may not have it. `signal` ends the wait. */
  readonly send: (event: CloudEvent<unknown>, signal: AbortSignal) => Promise<void>;
  readonly close?: () => Promise<void>;
}
