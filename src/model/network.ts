import { Address4 } from 'ip-address';
import type { FieldProblem } from './failure.ts';

/** An address that a network has given to an owner. */
export interface NetworkPort {
  readonly id: string;
  /** The instance. */
  readonly owner: string;
  readonly mac: string;
  readonly ip: string;
}

/** What a network is made of, before it has ports. */
export interface NetworkDefinition {
  readonly name: string;
  /** IPv4, by its first address: `10.0.0.0/24`. */
  readonly cidr: string;
  readonly gateway: string | null;
  /** The addresses that are given out by themselves, both ends included. */
  readonly pool: AddressPool;
  /** The Linux bridge on every host. */
  readonly bridge: string;
  readonly mtu: number;
  readonly isDefault: boolean;
  readonly dns: readonly string[];
}

export interface AddressPool {
  readonly start: string;
  readonly end: string;
}

/** The record of a network. Public API. */
export interface Network extends NetworkDefinition {
  readonly ports: readonly NetworkPort[];
}

export interface AddressRequest {
  /** The port's id: the same request may come again and finds its own port. */
  readonly id: string;
  readonly owner: string;
  readonly mac: string;
  /** Any host address of the subnet, in the pool or not. */
  readonly fixedIp?: string;
}

/** The port and the network that has it; or why there is none, as a sentence. */
export type Allocation =
  | { readonly port: NetworkPort; readonly network: Network; readonly problem: null }
  | { readonly port: null; readonly network: Network; readonly problem: string };

/** Linux's IFNAMSIZ, less the zero at the end. */
const MAX_INTERFACE_NAME = 15;
const LOWEST_MTU = 576;
const HIGHEST_MTU = 9216;

/** Everything that is wrong with the definition of a network, by field. */
export function validateNetwork(definition: NetworkDefinition): readonly FieldProblem[] {
  const others = [...problems('bridge', bridgeProblem(definition.bridge)), ...problems('mtu', mtuProblem(definition.mtu))];
  const dns = definition.dns.flatMap((address, index) => problems(`dns[${index}]`, addressProblem(address)));
  const subnet = parseSubnet(definition.cidr);
  if (typeof subnet === 'string') return [{ field: 'cidr', message: subnet }, ...others, ...dns];
  return [
    ...problems('gateway', definition.gateway === null ? null : hostAddressProblem(definition.gateway, subnet)),
    ...poolProblems(definition.pool, subnet),
    ...others,
    ...dns,
  ];
}

/** All host addresses of a subnet: the pool of a network that names none. Null when `cidr` is no subnet that `validateNetwork` accepts. */
export function wholePoolOf(cidr: string): AddressPool | null {
  const subnet = parseSubnet(cidr);
  if (typeof subnet === 'string') return null;
  return { start: subnet.startAddressExclusive().correctForm(), end: subnet.endAddressExclusive().correctForm() };
}

/** The length of a network's prefix: 24 of `10.0.0.0/24`. */
export function prefixOf({ cidr }: Pick<Network, 'cidr'>): number {
  return new Address4(cidr).subnetMask;
}

/**
 * Gives the port that `request` asks for: the fixed address, else the lowest of the pool that is free.
 * A port of that id that is there already is the answer as it is.
 */
export function allocate(network: Network, request: AddressRequest): Allocation {
  const existing = network.ports.find(({ id }) => id === request.id);
  if (existing !== undefined) return existingPort(network, existing, request);
  const holder = network.ports.find(({ mac }) => mac === request.mac);
  if (holder !== undefined) return refused(network, `${request.mac} is taken by instance ${holder.owner}`);

  const { id, owner, mac, fixedIp } = request;
  const problem = fixedIp === undefined ? null : fixedIpProblem(network, fixedIp);
  if (problem !== null) return refused(network, problem);
  const ip = fixedIp ?? lowestFree(network);
  if (ip === null) return refused(network, `no address is free in ${network.pool.start}–${network.pool.end} of network ${network.name}`);
  const port = { id, owner, mac, ip };
  return { port, network: { ...network, ports: [...network.ports, port] }, problem: null };
}

/** The network without the ports of `owner`; the same when it has none. */
export function release(network: Network, owner: string): Network {
  return { ...network, ports: network.ports.filter((port) => port.owner !== owner) };
}

function existingPort(network: Network, port: NetworkPort, { owner, fixedIp }: AddressRequest): Allocation {
  if (port.owner !== owner) return refused(network, `port ${port.id} belongs to instance ${port.owner}`);
  if (fixedIp !== undefined && fixedIp !== port.ip) return refused(network, `port ${port.id} has ${port.ip}, ${fixedIp} is wanted`);
  return { port, network, problem: null };
}

function refused(network: Network, problem: string): Allocation {
  return { port: null, network, problem };
}

function fixedIpProblem(network: Network, ip: string): string | null {
  const wrong = hostAddressProblem(ip, new Address4(network.cidr));
  if (wrong !== null) return `${ip} ${wrong}`;
  if (ip === network.gateway) return `${ip} is the gateway of network ${network.name}`;
  const holder = network.ports.find((port) => port.ip === ip);
  return holder === undefined ? null : `${ip} is taken by instance ${holder.owner}`;
}

function lowestFree({ cidr, gateway, pool, ports }: Network): string | null {
  const subnet = new Address4(cidr);
  const taken = new Set([...ports.map(({ ip }) => ip), gateway, subnet.startAddress().correctForm(), subnet.endAddress().correctForm()]);
  const end = new Address4(pool.end).bigInt();
  for (let address = new Address4(pool.start).bigInt(); address <= end; address += 1n) {
    const ip = Address4.fromBigInt(address).correctForm();
    if (!taken.has(ip)) return ip;
  }
  return null;
}

/** The subnet, or why `cidr` is none. */
function parseSubnet(cidr: string): Address4 | string {
  if (cidr.includes(':')) return 'IPv6 is not supported yet';
  if (!cidr.includes('/') || !Address4.isValid(cidr)) return 'must be an IPv4 subnet such as 10.0.0.0/24';
  const subnet = new Address4(cidr);
  const canonical = `${subnet.startAddress().correctForm()}/${subnet.subnetMask}`;
  if (cidr !== canonical) return `must begin at the first address of its subnet: ${canonical}`;
  if (subnet.subnetMask < 8 || subnet.subnetMask > 30) return 'must have a prefix from /8 to /30';
  return subnet;
}

function poolProblems({ start, end }: AddressPool, subnet: Address4): readonly FieldProblem[] {
  const wrong = [...problems('pool.start', hostAddressProblem(start, subnet)), ...problems('pool.end', hostAddressProblem(end, subnet))];
  if (wrong.length > 0) return wrong;
  const isReversed = new Address4(start).bigInt() > new Address4(end).bigInt();
  return problems('pool', isReversed ? `must not end (${end}) before it starts (${start})` : null);
}

function hostAddressProblem(address: string, subnet: Address4): string | null {
  const wrong = addressProblem(address);
  if (wrong !== null) return wrong;
  const cidr = `${subnet.startAddress().correctForm()}/${subnet.subnetMask}`;
  if (!new Address4(address).isInSubnet(subnet)) return `is outside ${cidr}`;
  if (address === subnet.startAddress().correctForm()) return `is the network address of ${cidr}`;
  return address === subnet.endAddress().correctForm() ? `is the broadcast address of ${cidr}` : null;
}

/** Only the canonical form passes: two spellings of one address would be given out twice. */
function addressProblem(address: string): string | null {
  if (address.includes(':')) return 'is IPv6, which is not supported yet';
  const isCanonical = !address.includes('/') && Address4.isValid(address) && new Address4(address).correctForm() === address;
  return isCanonical ? null : 'must be an IPv4 address such as 10.0.0.7';
}

function bridgeProblem(bridge: string): string | null {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(bridge) && bridge.length <= MAX_INTERFACE_NAME
    ? null
    : `must be the name of a bridge: 1 to ${MAX_INTERFACE_NAME} letters, digits, "_", "." or "-"`;
}

function mtuProblem(mtu: number): string | null {
  return Number.isInteger(mtu) && mtu >= LOWEST_MTU && mtu <= HIGHEST_MTU
    ? null
    : `must be a whole number of bytes from ${LOWEST_MTU} to ${HIGHEST_MTU}`;
}

function problems(field: string, message: string | null): readonly FieldProblem[] {
  return message === null ? [] : [{ field, message }];
}
