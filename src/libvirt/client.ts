import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from './address.ts';
import { Connection } from './connection.ts';
import { ConnectionLost } from './errors.ts';
import type { EventListener, EventName } from './events.ts';
import type { KeepalivePolicy } from './keepalive.ts';
import { createLane, type LanePool } from './lane.ts';
import { type ArgumentsOf, type Calls, type Lane, type Procedure, procedures, streamProcedures } from './procedures.ts';
import { keepConnected } from './steady.ts';
import type { DomainRef } from './structs.ts';
import { subscriptions } from './subscriptions.ts';

/** How to reach a daemon and how patient to be with it. */
export type LibvirtOptions = Address & {
  /** The hypervisor to open. @default qemu:///system */
  readonly uri?: string;
  /** Calls in flight on one connection; less than the daemon's `max_client_requests`, which is 5. @default 4 */
  readonly window?: number;
  /** When a silent daemon counts as gone. @default every 5 s, 5 times */
  readonly keepalive?: KeepalivePolicy;
  /** How long connecting and greeting may take, in milliseconds. @default 30000 */
  readonly handshakeTimeoutMs?: number;
  /** How long a call waits for a daemon that cannot be reached, in milliseconds; then it fails as `ConnectionLost`, not started. @default 10000 */
  readonly reconnectWaitMs?: number;
};

/** Takes a listener away again. */
export type Unsubscribe = () => void;

/** A picture of a guest's screen. */
export interface Screenshot {
  readonly mime: string;
  readonly image: Buffer;
}

/**
 * One libvirt daemon: every procedure as a method, its events, its streams.
 * A method rejects with `LibvirtError` when libvirt refuses, with `ConnectionLost` when the connection ended before the answer,
 * and with `RangeError` when an argument does not fit the protocol. It never gives up on a call that is under way: the protocol has no cancel.
 */
export interface Libvirt extends Calls, AsyncDisposable {
  /** Calls `listener` at each event of this kind; resolves when the daemon sends them, and keeps doing so over reconnects. */
  subscribe<N extends EventName>(name: N, listener: EventListener<N>): Promise<Unsubscribe>;
  /** Calls `listener` whenever the daemon is reached, the first time too: events may have been missed, so read everything again. */
  onResync(listener: () => void): Unsubscribe;
  /** Calls `listener` whenever the daemon is lost, with the reason. */
  onLost(listener: (reason: Error) => void): Unsubscribe;
  /** Opens a guest's serial console: reads what the guest prints, writes what it is to be typed. `flags` is of `ConsoleFlag`. */
  openConsole(given: ArgumentsOf<typeof streamProcedures.domainOpenConsole>): Promise<Duplex>;
  /** Takes a picture of a guest's first screen. */
  screenshot(given: { readonly dom: DomainRef; readonly screen?: number }): Promise<Screenshot>;
  /** Closes all connections; what is under way is rejected as `ConnectionLost`, and the daemon goes on with it. */
  close(): Promise<void>;
}

/** With the guest lane, 16 calls that a hung QEMU may hold: libvirtd serves the rest where its `min_workers` is 20 (its own 5 is too few, seen in 9.0.0). */
const longConnections = 3;

/** A pause between two attempts at a call that met a dying connection. */
const retryPauseMs = 50;

/** Makes a client that connects in the background; calls wait for it. */
export function connectLibvirt(options: LibvirtOptions): Libvirt {
  const {
    uri = 'qemu:///system',
    window = 4,
    keepalive = { intervalMs: 5_000, count: 5 },
    handshakeTimeoutMs = 30_000,
    reconnectWaitMs = 10_000,
  } = options;
  const listeners = subscriptions();
  const resync = new Set<() => void>();
  const lost = new Set<(reason: Error) => void>();
  let isClosed = false;

  const open = (purpose: { readonly invitesPings: boolean }) =>
    Connection.open({ address: options, uri, window, keepalive, handshakeTimeoutMs, ...purpose, onEvent: listeners.dispatch });

  const control = keepConnected({
    open: async () => {
      const connection = await open({ invitesPings: true });
      try {
        await listeners.registerAll(connection);
      } catch (error) {
        connection.close();
        throw error;
      }
      return connection;
    },
    onReady: () => {
      for (const listener of resync) queueMicrotask(listener); // As with events, a listener that throws harms no connection.
    },
    onLost: (reason) => {
      for (const listener of lost) queueMicrotask(() => listener(reason));
    },
  });

  async function openBesideControl(purpose: { readonly invitesPings: boolean }): Promise<Connection> {
    await control.ready(reconnectWaitMs);
    try {
      return await open(purpose);
    } catch (error) {
      throw error instanceof Error ? new ConnectionLost('opening another connection', 'not started', error) : error;
    }
  }

  const laneOf = (connections: number) =>
    createLane({ connections, callsPerConnection: window }, () => openBesideControl({ invitesPings: true }));
  const pools = { guest: laneOf(1), long: laneOf(longConnections), rescue: laneOf(1) };
  const lanes: Record<Lane, Pick<LanePool, 'run'>> = {
    ...pools,
    daemon: { run: async (work) => work(await control.ready(reconnectWaitMs)) },
  };

  /** Repeats what certainly did not start, for as long as a call may wait for the daemon. */
  async function patiently<Value>(attempt: () => Promise<Value>): Promise<Value> {
    const deadline = performance.now() + reconnectWaitMs;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        const mayRepeat = error instanceof ConnectionLost && error.outcome === 'not started' && !isClosed;
        if (!mayRepeat || performance.now() >= deadline) throw error;
        await sleep(retryPauseMs);
      }
    }
  }

  async function openConsole(given: ArgumentsOf<typeof streamProcedures.domainOpenConsole>): Promise<Duplex> {
    const { stream } = await onOwnConnection((connection) =>
      connection.openStream('domainOpenConsole', streamProcedures.domainOpenConsole, given),
    );
    return stream;
  }

  async function screenshot({ dom, screen = 0 }: { readonly dom: DomainRef; readonly screen?: number }): Promise<Screenshot> {
    const { result, stream } = await onOwnConnection((connection) =>
      connection.openStream('domainScreenshot', streamProcedures.domainScreenshot, { dom, screen }),
    );
    const image = Buffer.concat(await stream.toArray());
    return { mime: result ?? 'application/octet-stream', image };
  }

  const streamConnections = new Set<Connection>();

  function onOwnConnection<Value>(start: (connection: Connection) => Promise<Value>): Promise<Value> {
    return patiently(async () => {
      const connection = await openBesideControl({ invitesPings: false });
      streamConnections.add(connection);
      void connection.closed.then(() => streamConnections.delete(connection));
      try {
        return await start(connection);
      } catch (error) {
        connection.close();
        throw error;
      }
    });
  }

  async function close(): Promise<void> {
    isClosed = true;
    const reason = new Error('this client is closed');
    control.close(reason);
    for (const pool of Object.values(pools)) pool.close(reason);
    for (const connection of streamConnections) connection.close(reason);
  }

  return {
    ...callsThrough((name, procedure, given) =>
      patiently(() => lanes[procedure.lane].run((connection) => connection.call(name, procedure, given))),
    ),
    subscribe: async (name, listener) => {
      const unsubscribe = listeners.add(name, listener);
      try {
        await patiently(async () => listeners.register(name, await control.ready(reconnectWaitMs)));
      } catch (error) {
        unsubscribe();
        throw error;
      }
      return unsubscribe;
    },
    onResync: (listener) => add(resync, listener),
    onLost: (listener) => add(lost, listener),
    openConsole,
    screenshot,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function add<Listener>(to: Set<Listener>, listener: Listener): Unsubscribe {
  to.add(listener);
  return () => to.delete(listener);
}

type CallAnything = <Given, Value>(name: string, procedure: Procedure<Given, Value>, given: Given) => Promise<Value>;

/** The table as methods, each of which calls `through` with its own entry. */
function callsThrough(through: CallAnything): Calls {
  const methods = Object.entries<Procedure<never, unknown>>(procedures).map(([name, procedure]) => [
    name,
    (given: never = {} as never) => through(name, procedure, given),
  ]);
  return Object.fromEntries(methods) as Calls; // The names and types of `Calls` are those of the same table.
}
