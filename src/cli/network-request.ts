import type { RequestInputOf } from '../schema/request.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

/** The options of `network create` as they were typed. */
export interface NetworkOptions {
  readonly cidr: string;
  readonly bridge: string;
  readonly gateway?: string | undefined;
  /** `start-end`. */
  readonly pool?: string | undefined;
  readonly mtu?: number | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly default?: true | undefined;
}

/** The request of `network create`; what was not typed is absent. */
export function networkRequest(name: string, options: NetworkOptions): RequestInputOf<'createNetwork'> {
  const { cidr, bridge, gateway, pool, mtu, dns, default: isDefault } = options;
  return {
    name,
    cidr,
    bridge,
    ...(gateway === undefined ? {} : { gateway }),
    ...(pool === undefined ? {} : { pool: poolOf(pool) }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(dns === undefined ? {} : { dns: [...dns] }),
    ...(isDefault === undefined ? {} : { isDefault }),
  };
}

function poolOf(text: string): { start: string; end: string } {
  const [start, end, ...others] = text.split('-');
  if (!start || !end || others.length > 0) {
    throw new CommandError(exitCodes.refused, `--pool ${text} must be two addresses, such as 10.0.0.100-10.0.0.200`);
  }
  return { start, end };
}
