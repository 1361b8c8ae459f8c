import { sourceOf } from './bytes.ts';
import { int } from './codec.ts';
import type { Connection } from './connection.ts';
import { type EventListener, type EventName, eventKinds, eventNameByProcedure } from './events.ts';
import { eventProcedures } from './procedures.ts';

/** Who listens to which kinds of event, whatever connection carries them. */
export interface Subscriptions {
  /** Adds a listener; the function returned takes it away, and its kind from the daemon with the last of it. */
  add<N extends EventName>(name: N, listener: EventListener<N>): () => void;
  /** Asks the daemon for a kind, once a connection. */
  register(name: EventName, connection: Connection): Promise<void>;
  /** Asks the daemon for every kind that somebody listens to. */
  registerAll(connection: Connection): Promise<void>;
  /** Tells the listeners of an event message. */
  dispatch(procedure: number, body: Buffer): void;
}

/** An empty set of subscriptions for one client. */
export function subscriptions(): Subscriptions {
  const listeners = new Map<EventName, Set<(event: never) => void>>();
  let registered: { readonly connection: Connection; readonly callbackIds: Map<EventName, Promise<number>> } | null = null;

  function registeredOn(connection: Connection): Map<EventName, Promise<number>> {
    if (registered?.connection !== connection) registered = { connection, callbackIds: new Map() };
    return registered.callbackIds;
  }

  async function register(name: EventName, connection: Connection): Promise<void> {
    const callbackIds = registeredOn(connection);
    const existing = callbackIds.get(name);
    const callbackId = existing ?? connection.call('register', eventProcedures.register, { eventId: eventKinds[name].id });
    callbackIds.set(name, callbackId);
    try {
      await callbackId;
    } catch (error) {
      callbackIds.delete(name);
      throw error;
    }
  }

  async function deregister(name: EventName): Promise<void> {
    const callbackId = await registered?.callbackIds.get(name);
    if (registered === null || callbackId === undefined || listeners.has(name)) return;
    registered.callbackIds.delete(name);
    await registered.connection.call('deregister', eventProcedures.deregister, { callbackId });
  }

  return {
    add: (name, listener) => {
      const others = listeners.get(name) ?? new Set();
      listeners.set(name, others.add(listener));
      return () => {
        others.delete(listener);
        if (others.size > 0 || listeners.get(name) !== others) return;
        listeners.delete(name);
        deregister(name).catch(() => undefined); // A registration dies with its connection anyway.
      };
    },
    register,
    registerAll: async (connection) => {
      await Promise.all([...listeners.keys()].map((name) => register(name, connection)));
    },
    dispatch: (procedure, body) => {
      const name = eventNameByProcedure.get(procedure);
      if (name === undefined) return;
      const from = sourceOf(body);
      int.read(from); // The callback id.
      const event = eventKinds[name].body.read(from);
      for (const listener of listeners.get(name) ?? []) queueMicrotask(() => listener(event as never)); // A listener that throws harms no connection.
    },
  };
}
