import { log } from '@temporalio/activity';
import type { Sink } from './sink.ts';

/** Writes each event as a line of the worker's log. */
export const logSink: Sink = {
  send: async (event) => log.info(event.type, { event: event.toJSON() }),
};
