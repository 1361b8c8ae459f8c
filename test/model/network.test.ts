import { describe, expect, test } from 'vitest';
import {
  allocate,
  type Network,
  type NetworkDefinition,
  prefixOf,
  release,
  validateNetwork,
  wholePoolOf,
} from '../../src/model/network.ts';

const definition: NetworkDefinition = {
  name: 'default',
  cidr: '10.0.0.0/24',
  gateway: '10.0.0.1',
  pool: { start: '10.0.0.10', end: '10.0.0.20' },
  bridge: 'br-provider',
  mtu: 1500,
  isDefault: true,
  dns: ['1.1.1.1'],
};
const network: Network = { ...definition, ports: [] };

/** A request with an id, an owner and a MAC address of its own. */
function asked(name: string, fixedIp?: string) {
  const mac = `fa:16:3e:00:00:${name.charCodeAt(0).toString(16)}`;
  return { id: `port-${name}`, owner: `instance-${name}`, mac, ...(fixedIp === undefined ? {} : { fixedIp }) };
}

/** The network after a port was given to each of `names`, in order. */
function withPorts(from: Network, ...names: readonly string[]): Network {
  return names.reduce((now, name) => allocate(now, asked(name)).network, from);
}

describe('a network’s definition', () => {
  test('that is right has no problem', () => {
    expect(validateNetwork(definition)).toStrictEqual([]);
  });

  test('needs neither a gateway nor a name server', () => {
    expect(validateNetwork({ ...definition, gateway: null, dns: [] })).toStrictEqual([]);
  });

  test.for<[Partial<NetworkDefinition>, string, string]>([
    [{ cidr: 'fd00::/64' }, 'cidr', 'IPv6 is not supported yet'],
    [{ cidr: '10.0.0.0' }, 'cidr', 'must be an IPv4 subnet such as 10.0.0.0/24'],
    [{ cidr: '10.0.0.0/33' }, 'cidr', 'must be an IPv4 subnet such as 10.0.0.0/24'],
    [{ cidr: '10.0.0.300/24' }, 'cidr', 'must be an IPv4 subnet such as 10.0.0.0/24'],
    [{ cidr: '10.0.0.7/24' }, 'cidr', 'must begin at the first address of its subnet: 10.0.0.0/24'],
    [{ cidr: '10.0.0.0/31' }, 'cidr', 'must have a prefix from /8 to /30'],
    [{ cidr: '0.0.0.0/0' }, 'cidr', 'must have a prefix from /8 to /30'],
    [{ gateway: '10.0.1.1' }, 'gateway', 'is outside 10.0.0.0/24'],
    [{ gateway: '10.0.0.0' }, 'gateway', 'is the network address of 10.0.0.0/24'],
    [{ gateway: '10.0.0.255' }, 'gateway', 'is the broadcast address of 10.0.0.0/24'],
    [{ gateway: 'fe80::1' }, 'gateway', 'is IPv6, which is not supported yet'],
    [{ gateway: '10.0.0.1/24' }, 'gateway', 'must be an IPv4 address such as 10.0.0.7'],
    [{ pool: { start: '10.0.1.10', end: '10.0.0.20' } }, 'pool.start', 'is outside 10.0.0.0/24'],
    [{ pool: { start: '10.0.0.10', end: '10.0.0.255' } }, 'pool.end', 'is the broadcast address of 10.0.0.0/24'],
    [{ pool: { start: '10.0.0.20', end: '10.0.0.10' } }, 'pool', 'must not end (10.0.0.10) before it starts (10.0.0.20)'],
    [{ bridge: 'a-name-too-long0' }, 'bridge', 'must be the name of a bridge: 1 to 15 letters, digits, "_", "." or "-"'],
    [{ bridge: '../br0' }, 'bridge', 'must be the name of a bridge: 1 to 15 letters, digits, "_", "." or "-"'],
    [{ bridge: '' }, 'bridge', 'must be the name of a bridge: 1 to 15 letters, digits, "_", "." or "-"'],
    [{ mtu: 575 }, 'mtu', 'must be a whole number of bytes from 576 to 9216'],
    [{ mtu: 9217 }, 'mtu', 'must be a whole number of bytes from 576 to 9216'],
    [{ mtu: 1500.5 }, 'mtu', 'must be a whole number of bytes from 576 to 9216'],
    [{ dns: ['1.1.1.1', 'ns.example.org'] }, 'dns[1]', 'must be an IPv4 address such as 10.0.0.7'],
  ])('%j is refused at %s', ([changes, field, message]) => {
    expect(validateNetwork({ ...definition, ...changes })).toStrictEqual([{ field, message }]);
  });

  test('tells every problem at once', () => {
    const fields = validateNetwork({ ...definition, gateway: 'x', mtu: 0, bridge: '', dns: ['x'] }).map(({ field }) => field);
    expect(fields).toStrictEqual(['gateway', 'bridge', 'mtu', 'dns[0]']);
  });
});

test('the whole pool of a subnet leaves out its network and broadcast addresses', () => {
  expect(wholePoolOf('10.0.0.0/24')).toStrictEqual({ start: '10.0.0.1', end: '10.0.0.254' });
  expect(wholePoolOf('10.0.0.7/24')).toBeNull();
});

test('the prefix is that of the subnet', () => {
  expect(prefixOf({ cidr: '10.0.0.0/22' })).toBe(22);
});

describe('an address', () => {
  test('is the lowest of the pool that is free', () => {
    const first = allocate(network, asked('a'));
    expect(first.port).toStrictEqual({ id: 'port-a', owner: 'instance-a', mac: 'fa:16:3e:00:00:61', ip: '10.0.0.10' });
    expect(allocate(first.network, asked('b')).port?.ip).toBe('10.0.0.11');
  });

  test('that was released is given out again', () => {
    const left = release(withPorts(network, 'a', 'b', 'c'), 'instance-b');
    expect(left.ports.map(({ ip }) => ip)).toStrictEqual(['10.0.0.10', '10.0.0.12']);
    expect(allocate(left, asked('d')).port?.ip).toBe('10.0.0.11');
  });

  test('of a pool that spans the subnet is never the gateway, the network or the broadcast address', () => {
    const tiny: Network = { ...network, cidr: '10.0.0.0/29', gateway: '10.0.0.3', pool: { start: '10.0.0.0', end: '10.0.0.7' } };
    const full = withPorts(tiny, 'a', 'b', 'c', 'd', 'e', 'f');
    expect(full.ports.map(({ ip }) => ip)).toStrictEqual(['10.0.0.1', '10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(allocate(full, asked('g')).problem).toBe('no address is free in 10.0.0.0–10.0.0.7 of network default');
  });

  test('is the same when the same port is asked for twice, and the network stays as it is', () => {
    const once = allocate(network, asked('a'));
    const twice = allocate(once.network, asked('a'));
    expect(twice.port).toStrictEqual(once.port);
    expect(twice.network).toBe(once.network);
  });

  test('may be asked for outside of the pool', () => {
    expect(allocate(network, asked('a', '10.0.0.200')).port?.ip).toBe('10.0.0.200');
  });

  test.for<[string, string]>([
    ['10.0.1.7', '10.0.1.7 is outside 10.0.0.0/24'],
    ['10.0.0.1', '10.0.0.1 is the gateway of network default'],
    ['10.0.0.0', '10.0.0.0 is the network address of 10.0.0.0/24'],
    ['10.0.0.255', '10.0.0.255 is the broadcast address of 10.0.0.0/24'],
    ['10.0.0.10', '10.0.0.10 is taken by instance instance-a'],
    ['10.0.0.010', '10.0.0.010 must be an IPv4 address such as 10.0.0.7'],
    ['web', 'web must be an IPv4 address such as 10.0.0.7'],
  ])('%s that is asked for is refused with a reason', ([fixedIp, problem]) => {
    const taken = withPorts(network, 'a');
    const refused = allocate(taken, asked('b', fixedIp));
    expect(refused.problem).toBe(problem);
    expect(refused.network).toBe(taken);
  });

  test('is refused to a port that exists with another address or owner', () => {
    const taken = withPorts(network, 'a');
    expect(allocate(taken, asked('a', '10.0.0.15')).problem).toBe('port port-a has 10.0.0.10, 10.0.0.15 is wanted');
    expect(allocate(taken, { ...asked('a'), owner: 'instance-z' }).problem).toBe('port port-a belongs to instance instance-a');
  });

  test('is refused to a MAC address that another port has', () => {
    const taken = withPorts(network, 'a');
    expect(allocate(taken, { ...asked('b'), mac: asked('a').mac }).problem).toBe('fa:16:3e:00:00:61 is taken by instance instance-a');
  });
});

test('a release takes all ports of an owner and may be repeated', () => {
  const two = allocate(withPorts(network, 'a', 'b'), { ...asked('c'), owner: 'instance-a' }).network;
  const once = release(two, 'instance-a');
  expect(once.ports.map(({ id }) => id)).toStrictEqual(['port-b']);
  expect(release(once, 'instance-a')).toStrictEqual(once);
});

test('a network with ports is plain JSON', () => {
  const used = withPorts(network, 'a', 'b');
  expect(JSON.parse(JSON.stringify(used))).toStrictEqual(used);
});
