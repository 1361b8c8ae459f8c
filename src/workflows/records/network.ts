import { defineQuery, defineUpdate, setHandler } from '@temporalio/workflow';
import type { Network, NetworkDefinition, NetworkPort } from '../../model/network.ts';
import {
  type AllocateRequest,
  allocated,
  created,
  emptyNetwork,
  type NetworkState,
  type ReleasePorts,
  refusalToAllocate,
  refusalToCreate,
  releasedBy,
} from '../../model/network-record.ts';
import { searchAttributes as attribute } from '../../model/search-attributes.ts';
import type { Shown } from './held.ts';
import { continueWith, recordLife } from './life.ts';
import { now, refuseWith } from './refuse.ts';
import { type Showing, showing } from './show.ts';

/** A port as it was given, with what a host has to know to plug it. */
export interface GivenPort {
  readonly port: NetworkPort;
  readonly network: NetworkDefinition;
}

/** The record of one network, which gives out its addresses: none twice, and none to an operation that gave its own back. */
export async function network(carried: NetworkState = emptyNetwork): Promise<Network> {
  const life = recordLife();
  const show = showing();
  let state = carried;
  let shownAt = '';

  setHandler(defineQuery<Network | null>('record'), () => state.record);
  setHandler(
    defineUpdate<Shown<Network>, [NetworkDefinition]>('create'),
    (definition) => {
      change(created(state, definition));
      return { record: known(), shownAt };
    },
    { validator: (definition) => refuseWith(refusalToCreate(state, definition)) },
  );
  setHandler(
    defineUpdate<GivenPort, [AllocateRequest]>('allocate'),
    (request) => {
      const { port, state: next } = allocated(state, request);
      change(next);
      const { ports: _ports, ...definition } = known();
      return { port, network: definition };
    },
    { validator: (request) => refuseWith(refusalToAllocate(state, request)) },
  );
  setHandler(defineUpdate<void, [ReleasePorts]>('release'), (request) => change(releasedBy(state, request)));

  await life.end({ closed: () => false, held: () => false });
  return continueWith<typeof network>(state);

  function change(next: NetworkState): void {
    life.touch();
    state = next;
    shownAt = now();
    if (state.record !== null) list(state.record, shownAt, show);
  }

  function known(): Network {
    if (state.record === null) throw new Error('the network was never created');
    return state.record;
  }
}

function list({ name, cidr, bridge, isDefault, ports }: Network, shownAt: string, show: Showing): void {
  show.attributes([
    { key: attribute.objectName, value: name },
    { key: attribute.tags, value: isDefault ? ['default'] : null },
  ]);
  show.memo({ cidr, bridge, ports: ports.length, shownAt });
}
