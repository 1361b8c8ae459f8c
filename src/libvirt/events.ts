import { type Fields, int, optional, type StructValue, string, struct, type ValueOf, type Xdr } from './codec.ts';
import { domain, typedParams } from './structs.ts';

/** A kind of event: the id it is registered by, the procedure number its messages carry, and their body behind the callback id. */
interface EventKind<Value> {
  readonly id: number;
  readonly procedure: number;
  readonly body: Xdr<Value, never>;
}

function event<const F extends Fields>(id: number, procedure: number, fields: F): EventKind<StructValue<F>> {
  return { id, procedure, body: struct(fields) };
}

const dom = domain;

/** The events of domains (`virDomainEventID`) that are listened to; each is provoked for real in `test/lab/libvirt`. */
export const eventKinds = {
  lifecycle: event(0, 318, { dom, event: int, detail: int }),
  reboot: event(1, 319, { dom }),
  ioError: event(6, 324, { dom, source: string, alias: string, action: int, reason: string }),
  diskChange: event(9, 327, { dom, oldSource: optional(string), newSource: optional(string), alias: string, reason: int }),
  trayChange: event(10, 328, { dom, alias: string, reason: int }),
  deviceRemoved: event(15, 333, { dom, alias: string }),
  blockJob: event(16, 339, { dom, target: string, type: int, status: int }),
  deviceAdded: event(19, 354, { dom, alias: string }),
  migrationIteration: event(20, 359, { dom, iteration: int }),
  jobCompleted: event(21, 363, { dom, params: typedParams }),
  metadataChange: event(23, 379, { dom, type: int, uri: optional(string) }),
} as const;

/** The name of a kind of event. */
export type EventName = keyof typeof eventKinds;

/** What an event of this kind says. */
export type EventOf<N extends EventName> = ValueOf<(typeof eventKinds)[N]['body']>;

/** A function that is told of each event of a kind. */
export type EventListener<N extends EventName> = (event: EventOf<N>) => void;

const names = Object.keys(eventKinds) as EventName[];

/** Kinds by the number of their messages. Each kind is registered once a connection, so the number is as good as the callback id. */
export const eventNameByProcedure: ReadonlyMap<number, EventName> = new Map(names.map((name) => [eventKinds[name].procedure, name]));
