import { ProtocolError, room, type Sink, type Source, take } from './bytes.ts';

/** How one kind of value stands on the wire (XDR, RFC 4506): `Value` is what is read, `Given` what may be written. */
export interface Xdr<Value, Given = Value> {
  write(to: Sink, value: Given): void;
  read(from: Source): Value;
}

/** A field that may be left out of a struct that is written; `absent` then stands in for it. */
export interface Defaulted<Value, Given = Value> extends Xdr<Value, Given> {
  readonly absent: Given;
}

/** The value that a notation reads. */
export type ValueOf<X> = X extends Xdr<infer Value, infer _Given> ? Value : never;

/** The value that a notation writes. */
export type GivenOf<X> = X extends Xdr<infer _Value, infer Given> ? Given : never;

/** The fields of a struct, in the order of the wire. */
export type Fields = Readonly<Record<string, Xdr<unknown, never>>>;

type DefaultedKeys<F extends Fields> = { [K in keyof F]: F[K] extends { readonly absent: unknown } ? K : never }[keyof F];

/** A struct as it is read. */
export type StructValue<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };

/** A struct as it is written: its defaulted fields may be left out. */
export type StructGiven<F extends Fields> = {
  readonly [K in keyof F as K extends DefaultedKeys<F> ? never : K]: GivenOf<F[K]>;
} & { readonly [K in DefaultedKeys<F>]?: GivenOf<F[K]> };

/** libvirt's `REMOTE_STRING_MAX`; the daemon answers a longer string with error 39. */
const stringMaxBytes = 4 * 1024 * 1024;

function whole(value: number): number {
  if (!Number.isInteger(value)) throw new RangeError(`${value} is not a whole number`);
  return value;
}

/** A signed 32-bit integer. */
export const int: Xdr<number> = {
  write: (to, value) => {
    const at = room(to, 4);
    to.bytes.writeInt32BE(whole(value), at);
  },
  read: (from) => from.bytes.readInt32BE(take(from, 4)),
};

/** An unsigned 32-bit integer. */
export const uint: Xdr<number> = {
  write: (to, value) => {
    const at = room(to, 4);
    to.bytes.writeUInt32BE(whole(value), at);
  },
  read: (from) => from.bytes.readUInt32BE(take(from, 4)),
};

/** Flags, 0 when not given. JavaScript's `|` makes a negative number of bit 31, which is taken as meant. */
export const flags: Defaulted<number> = {
  write: (to, value) => uint.write(to, value >>> 0),
  read: (from) => uint.read(from),
  absent: 0,
};

/** A signed 64-bit integer. */
export const hyper: Xdr<bigint> = {
  write: (to, value) => {
    const at = room(to, 8);
    to.bytes.writeBigInt64BE(value, at);
  },
  read: (from) => from.bytes.readBigInt64BE(take(from, 8)),
};

/** An unsigned 64-bit integer. */
export const unsignedHyper: Xdr<bigint> = {
  write: (to, value) => {
    const at = room(to, 8);
    to.bytes.writeBigUInt64BE(value, at);
  },
  read: (from) => from.bytes.readBigUInt64BE(take(from, 8)),
};

/** A double. */
export const double: Xdr<number> = {
  write: (to, value) => {
    const at = room(to, 8);
    to.bytes.writeDoubleBE(value, at);
  },
  read: (from) => from.bytes.readDoubleBE(take(from, 8)),
};

/** A C truth value: an `int` of which anything but 0 is true. */
export const bool: Xdr<boolean> = {
  write: (to, value) => int.write(to, value ? 1 : 0),
  read: (from) => int.read(from) !== 0,
};

function writePadded(to: Sink, bytes: Uint8Array): void {
  const at = room(to, Math.ceil(bytes.length / 4) * 4);
  to.bytes.fill(0, at, to.at);
  to.bytes.set(bytes, at);
}

function readPadded(from: Source, length: number): Buffer {
  const at = take(from, Math.ceil(length / 4) * 4);
  return from.bytes.subarray(at, at + length);
}

/** Bytes with their length in front. */
export const opaque: Xdr<Buffer, Uint8Array> = {
  write: (to, value) => {
    uint.write(to, value.length);
    writePadded(to, value);
  },
  read: (from) => readPadded(from, uint.read(from)),
};

/** UTF-8 text. A NUL is refused because libvirt, which is C, would silently drop what follows it. */
export const string: Xdr<string> = {
  write: (to, value) => {
    if (value.includes('\0')) throw new RangeError('a string for libvirt holds a NUL character');
    const bytes = Buffer.from(value);
    if (bytes.length > stringMaxBytes) throw new RangeError(`a string for libvirt has ${bytes.length} bytes, more than ${stringMaxBytes}`);
    opaque.write(to, bytes);
  },
  read: (from) => opaque.read(from).toString(),
};

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A UUID: `8-4-4-4-12` lower-case hexadecimal digits here, 16 bytes without a length on the wire. */
export const uuid: Xdr<string> = {
  write: (to, value) => {
    if (!uuidPattern.test(value)) throw new RangeError(`"${value}" is not a UUID`);
    writePadded(to, Buffer.from(value.replaceAll('-', ''), 'hex'));
  },
  read: (from) =>
    readPadded(from, 16)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
};

/** C's `char[length]`, each character 4 bytes on the wire, read up to its first NUL. */
export function characters(length: number): Xdr<string> {
  return {
    write: (to, value) => {
      const bytes = Buffer.alloc(length);
      bytes.write(value);
      for (const byte of bytes) int.write(to, byte);
    },
    read: (from) => {
      const bytes = Buffer.from(Array.from({ length }, () => int.read(from)));
      const end = bytes.indexOf(0);
      return bytes.toString('utf8', 0, end === -1 ? length : end);
    },
  };
}

/** A value or `null`; a field left out is `null`. */
export function optional<Value, Given>(of: Xdr<Value, Given>): Defaulted<Value | null, Given | null> {
  return {
    write: (to, value) => {
      bool.write(to, value !== null);
      if (value !== null) of.write(to, value);
    },
    read: (from) => (bool.read(from) ? of.read(from) : null),
    absent: null,
  };
}

/** The same notation, for a field that stands as `absent` when it is left out. */
export function withDefault<Value, Given>(of: Xdr<Value, Given>, absent: Given): Defaulted<Value, Given> {
  return { ...of, absent };
}

/** A list with its count in front. */
export function list<Value, Given>(of: Xdr<Value, Given>): Xdr<readonly Value[], readonly Given[]> {
  return {
    write: (to, values) => {
      uint.write(to, values.length);
      for (const value of values) of.write(to, value);
    },
    read: (from) => {
      const count = uint.read(from);
      // An element has at least 4 bytes: a count beyond that is a lie, and must not be allocated for.
      if (count > (from.bytes.length - from.at) / 4) throw new ProtocolError(`a message claims ${count} elements and ends before`);
      return Array.from({ length: count }, () => of.read(from));
    },
  };
}

/** A list that is followed by its own count once more, as libvirt's "list all" procedures answer. */
export function counted<Value>(of: Xdr<Value>): Xdr<readonly Value[]> {
  const values = list(of);
  return {
    write: (to, given) => {
      values.write(to, given);
      int.write(to, given.length);
    },
    read: (from) => {
      const read = values.read(from);
      int.read(from);
      return read;
    },
  };
}

/** Fields one after another, without names on the wire. */
export function struct<const F extends Fields>(fields: F): Xdr<StructValue<F>, StructGiven<F>> {
  const entries = Object.entries<Xdr<unknown, never>>(fields);
  return {
    write: (to, given) => {
      const values: Readonly<Record<string, unknown>> = given;
      for (const [name, field] of entries) {
        const value = values[name] ?? ('absent' in field ? field.absent : undefined);
        field.write(to, value as never); // StructGiven<F> has checked each field where the value was written.
      }
    },
    read: (from) => Object.fromEntries(entries.map(([name, field]) => [name, field.read(from)])) as StructValue<F>,
  };
}

/** No bytes at all. */
export const nothing: Xdr<void> = { write: () => undefined, read: () => undefined };
