import { ProtocolError, type Sink, type Source } from './bytes.ts';
import {
  bool,
  double,
  type GivenOf,
  hyper,
  int,
  list,
  optional,
  string,
  struct,
  uint,
  unsignedHyper,
  uuid,
  type ValueOf,
  withDefault,
  type Xdr,
} from './codec.ts';

/** A domain; libvirt finds it by its UUID alone, so `name` and `id` may be left out or stale. `id` is -1 while it is inactive. */
export const domain = struct({ name: withDefault(string, ''), uuid, id: withDefault(int, -1) });

/** A domain as libvirt names it in an answer. */
export type Domain = ValueOf<typeof domain>;

/** A domain as a caller may name it: `{ uuid }` is enough. */
export type DomainRef = GivenOf<typeof domain>;

/** A network filter. */
export const nwfilter = struct({ name: string, uuid });

/** The network filter of one port, known by the port's device on the host. */
export const nwfilterBinding = struct({ portDev: string, filterName: withDefault(string, '') });

/** The body of an answer that failed (`virError`). */
export const remoteError = struct({
  code: int,
  domain: int,
  message: optional(string),
  level: int,
  dom: optional(domain),
  str1: optional(string),
  str2: optional(string),
  str3: optional(string),
  int1: int,
  int2: int,
  network: optional(struct({ name: string, uuid })),
});

/** What a failed answer says. */
export type RemoteError = ValueOf<typeof remoteError>;

/** The values a typed parameter may have; their order gives libvirt's numbers, from 1 (`virTypedParameterType`). */
const paramValues = { int, uint, llong: hyper, ullong: unsignedHyper, double, boolean: bool, string } as const;

type ParamType = keyof typeof paramValues;

/** A named value whose type is part of the message; libvirt refuses `uint` where it wants `ullong`. */
export type TypedParam = {
  [Type in ParamType]: { readonly field: string; readonly type: Type; readonly value: ValueOf<(typeof paramValues)[Type]> };
}[ParamType];

const paramTypes = Object.keys(paramValues) as ParamType[];

function writeParam(to: Sink, param: TypedParam): void {
  string.write(to, param.field);
  int.write(to, paramTypes.indexOf(param.type) + 1);
  const value: Xdr<unknown, never> = paramValues[param.type];
  value.write(to, param.value as never); // TypedParam has tied the value to its type.
}

function readParam(from: Source): TypedParam {
  const field = string.read(from);
  const number = int.read(from);
  const type = paramTypes[number - 1];
  if (type === undefined) throw new ProtocolError(`typed parameter ${field} has the unknown type ${number}`);
  return { field, type, value: paramValues[type].read(from) } as TypedParam;
}

/** A list of typed parameters. */
export const typedParams = list<TypedParam, TypedParam>({ write: writeParam, read: readParam });

/** The values of typed parameters by their names; of a name that repeats, the last. */
export function valuesOf(params: readonly TypedParam[]): ReadonlyMap<string, TypedParam['value']> {
  return new Map(params.map(({ field, value }) => [field, value]));
}

/** A statistic that libvirt sends as a name and an unsigned value. */
export const namedCount = struct({ field: string, value: unsignedHyper });
