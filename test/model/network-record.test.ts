import { describe, expect, test } from 'vitest';
import type { NetworkDefinition } from '../../src/model/network.ts';
import {
  type AllocateRequest,
  allocated,
  created,
  emptyNetwork,
  type NetworkState,
  refusalToAllocate,
  refusalToCreate,
  releasedBy,
} from '../../src/model/network-record.ts';

const definition: NetworkDefinition = {
  name: 'default',
  cidr: '10.0.0.0/29',
  gateway: '10.0.0.1',
  pool: { start: '10.0.0.1', end: '10.0.0.3' },
  bridge: 'br-provider',
  mtu: 1500,
  isDefault: true,
  dns: [],
};

function asked(owner: string, generation = 1): AllocateRequest {
  return { id: `port-${owner}`, owner, mac: `fa:16:3e:00:00:0${owner.slice(-1)}`, generation };
}

const empty = created(emptyNetwork, definition);
const one = allocated(empty, asked('web1')).state;

describe('a network', () => {
  test('is made without ports', () => {
    expect(empty.record).toStrictEqual({ ...definition, ports: [] });
  });

  test('that is made again by the same definition is the one that is there', () => {
    expect(refusalToCreate(one, definition)).toBeNull();
    expect(created(one, definition)).toBe(one);
  });

  test('of a name that is taken by another definition is refused', () => {
    expect(refusalToCreate(one, { ...definition, mtu: 9000 })).toStrictEqual({
      type: 'NetworkExists',
      message: 'network default exists already with 10.0.0.0/29 on br-provider',
    });
  });
});

test.for<[string, NetworkState, AllocateRequest, [string, string] | null]>([
  ['an address is given', empty, asked('web1'), null],
  [
    'an address of a network that was never made is refused',
    emptyNetwork,
    asked('web1'),
    ['NetworkNotFound', 'the network was never created'],
  ],
  [
    'an address is refused when none is free',
    allocated(one, asked('web2')).state,
    asked('web3'),
    ['AddressTaken', 'no address is free in 10.0.0.1–10.0.0.3 of network default'],
  ],
  [
    'an address that was given back before is refused',
    releasedBy(one, { owner: 'web1', generation: 2 }),
    asked('web1', 2),
    ['StaleToken', 'the ports of web1 were given back before'],
  ],
  ['an address is given to a later operation', releasedBy(one, { owner: 'web1', generation: 2 }), asked('web1', 3), null],
  ['a port that is there is given again', one, asked('web1'), null],
])('%s', ([, state, request, expected]) => {
  const refused = refusalToAllocate(state, request);
  expect(refused === null ? null : [refused.type, refused.message]).toStrictEqual(expected);
});

describe('a port', () => {
  test('has the lowest free address, and the same when it is asked for again', () => {
    const port = { id: 'port-web1', owner: 'web1', mac: 'fa:16:3e:00:00:01', ip: '10.0.0.2' };
    expect(one.record?.ports).toStrictEqual([port]);
    expect(allocated(one, asked('web1'))).toStrictEqual({ port, state: one });
  });

  test('that was refused is never given', () => {
    expect(() => allocated(emptyNetwork, asked('web1'))).toThrow('a request that is refused was not asked about');
  });

  test('goes with all of its owner, and the address is free again', () => {
    const both = allocated(one, asked('web2')).state;
    const next = releasedBy(both, { owner: 'web1', generation: 1 });
    expect(next).toMatchObject({ record: { ports: [{ owner: 'web2', ip: '10.0.0.3' }] }, fences: [{ owner: 'web1', generation: 1 }] });
    expect(allocated(next, asked('web3')).port.ip).toBe('10.0.0.2');
  });

  test('of nobody is given back without harm', () => {
    expect(releasedBy(one, { owner: 'web9', generation: 1 }).record).toStrictEqual(one.record);
    expect(releasedBy(emptyNetwork, { owner: 'web9', generation: 1 })).toBe(emptyNetwork);
  });
});
