import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { ConnectionLost } from './errors.ts';

/** A connection that is made again whenever it is lost. */
export interface SteadyConnection {
  /** The connection, as soon as there is one; rejects with `ConnectionLost`, not started, after `waitMs` without. */
  ready(waitMs: number): Promise<Connection>;
  /** The connection if there is one now. */
  current(): Connection | null;
  /** Ends it for good. */
  close(reason: Error): void;
}

/** What a steady connection is made of, and whom it tells. */
export interface SteadyOptions {
  /** Opens a connection and prepares it for use. */
  open(): Promise<Connection>;
  /** Is told when a connection is ready, the first as well as each later one. */
  onReady(): void;
  /** Is told when a ready connection was lost, with the reason. */
  onLost(reason: Error): void;
}

const firstPauseMs = 50;
const longestPauseMs = 5_000;

/** Connects at once and again after each loss, after 50 ms, then twice as long each time up to 5 s. */
export function keepConnected({ open, onReady, onLost }: SteadyOptions): SteadyConnection {
  const ending = new AbortController();
  const waiters = new Set<(connection: Connection) => void>();
  let current: Connection | null = null;
  let lastError: Error = new Error('no connection yet');

  async function connectOnce(): Promise<void> {
    const connection = await open();
    if (ending.signal.aborted) {
      connection.close(lastError);
      return;
    }
    current = connection;
    for (const waiter of waiters) waiter(connection);
    onReady();
    lastError = await connection.closed;
    current = null;
    if (!ending.signal.aborted) onLost(lastError);
  }

  async function keep(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!ending.signal.aborted) {
      try {
        await connectOnce();
        pauseMs = firstPauseMs;
      } catch (error) {
        lastError = error instanceof Error ? error : new Error(String(error));
      }
      await sleep(pauseMs, undefined, { signal: ending.signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  function waitForNext(waitMs: number): Promise<Connection> {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    const giveUp = () => reject(new ConnectionLost('waiting for libvirt', 'not started', lastError));
    const timer = setTimeout(giveUp, waitMs);
    waiters.add(resolve);
    ending.signal.addEventListener('abort', giveUp);
    return promise.finally(() => {
      clearTimeout(timer);
      waiters.delete(resolve);
      ending.signal.removeEventListener('abort', giveUp);
    });
  }

  void keep();
  return {
    ready: async (waitMs) => {
      if (ending.signal.aborted) throw new ConnectionLost('waiting for libvirt', 'not started', lastError);
      return current ?? waitForNext(waitMs);
    },
    current: () => current,
    close: (reason) => {
      lastError = reason;
      ending.abort();
      current?.close(reason);
    },
  };
}
