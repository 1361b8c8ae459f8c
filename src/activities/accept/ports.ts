import { createHash } from 'node:crypto';
import type { Network } from '../../model/network.ts';
import { allocate } from '../../model/network.ts';
import { macOf, tapNameOf } from '../../model/port.ts';
import type { BuildInstanceRequest } from '../../schema/request.ts';
import { namesOf } from '../listing.ts';
import { fail, queryRecord } from '../record-client.ts';
import { invalid } from './parse.ts';

/** A port that is to be: all but its address. */
export interface WantedPort {
  readonly id: string;
  readonly network: string;
  readonly mac: string;
  readonly tap: string;
  readonly fixedIp?: string;
}

type Networks = NonNullable<BuildInstanceRequest['networks']>;

/** The ports of a new instance. Raises `NetworkNotFound`, and `InvalidRequest` for an address that cannot be had. */
export async function wantedPorts(instanceId: string, networks: Networks): Promise<readonly WantedPort[]> {
  if (networks === 'none') return [];
  const asked = networks === 'auto' ? [{ network: await defaultNetwork() }] : networks;
  return Promise.all(asked.map((one, index) => wantedPort(instanceId, index, one)));
}

async function wantedPort(instanceId: string, index: number, asked: { network: string; fixedIp?: string }): Promise<WantedPort> {
  const network = await queryRecord<Network>('network', asked.network);
  if (network === null) throw fail('NetworkNotFound', `networks[${index}]: there is no network ${asked.network}`);
  const port = { ...asked, id: portIdOf(instanceId, index), mac: macOf(instanceId, index), tap: tapNameOf(instanceId, index) };
  const { problem } = allocate(network, { ...port, owner: instanceId });
  if (problem === null) return port;
  throw invalid(asked.fixedIp === undefined ? `networks[${index}].network` : `networks[${index}].fixedIp`, `cannot be had: ${problem}`);
}

/** The same for every attempt: a UUID made of the instance's id and the port's place. */
function portIdOf(instanceId: string, index: number): string {
  const hex = createHash('sha256').update(`port/${instanceId}/${index}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

async function defaultNetwork(): Promise<string> {
  const [name, ...others] = await namesOf('network', "Tags = 'default'");
  if (name === undefined) throw invalid('networks', 'is "auto", and no network is the default: name one, or say "none"');
  if (others.length > 0)
    throw invalid('networks', `is "auto", and several networks are the default: name one of ${[name, ...others].join(', ')}`);
  return name;
}
