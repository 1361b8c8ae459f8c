import { type Fence, fenced, isFenced } from './fences.ts';
import { type AddressRequest, allocate, type Network, type NetworkDefinition, type NetworkPort, release } from './network.ts';
import type { Refused } from './refused.ts';

export interface NetworkState {
  /** Null until it is created. */
  readonly record: Network | null;
  readonly fences: readonly Fence[];
}

export interface AllocateRequest extends AddressRequest {
  readonly generation: number;
}

export interface ReleasePorts {
  readonly owner: string;
  readonly generation: number;
}

export const emptyNetwork: NetworkState = { record: null, fences: [] };

/** Why the network cannot be made, or null. The same definition again finds its own network. */
export function refusalToCreate({ record }: NetworkState, definition: NetworkDefinition): Refused | null {
  if (record === null) return null;
  const { ports: _ports, ...existing } = record;
  if (JSON.stringify(existing) === JSON.stringify(definition)) return null;
  return { type: 'NetworkExists', message: `network ${definition.name} exists already with ${record.cidr} on ${record.bridge}` };
}

/** The state with the network made; as it was when it is there. */
export function created(state: NetworkState, definition: NetworkDefinition): NetworkState {
  return state.record === null ? { ...state, record: { ...definition, ports: [] } } : state;
}

/** Why the port is not given, or null. */
export function refusalToAllocate({ record, fences }: NetworkState, { generation, ...request }: AllocateRequest): Refused | null {
  if (record === null) return { type: 'NetworkNotFound', message: 'the network was never created' };
  if (isFenced(fences, request.owner, generation)) {
    return { type: 'StaleToken', message: `the ports of ${request.owner} were given back before` };
  }
  const { problem } = allocate(record, request);
  return problem === null ? null : { type: 'AddressTaken', message: problem };
}

/** The port and the state that has it; the one it has when it was given before. The request has not been refused. */
export function allocated(
  state: NetworkState,
  { generation: _generation, ...request }: AllocateRequest,
): { port: NetworkPort; state: NetworkState } {
  const allocation = state.record === null ? null : allocate(state.record, request);
  if (allocation === null || allocation.problem !== null) throw new Error('a request that is refused was not asked about');
  return { port: allocation.port, state: { ...state, record: allocation.network } };
}

/** The state without the owner's ports; a request of theirs that still travels is refused on arrival. */
export function releasedBy(state: NetworkState, { owner, generation }: ReleasePorts): NetworkState {
  const { record } = state;
  if (record === null) return state;
  return { record: release(record, owner), fences: fenced(state.fences, owner, generation) };
}
