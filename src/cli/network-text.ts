import type { Network } from '../model/network.ts';
import type { NetworkRow } from './rows.ts';
import { sheet, table } from './tables.ts';

/** Networks, a line each. */
export function networkTable(networks: readonly NetworkRow[]): string {
  return table(
    ['NAME', 'SUBNET', 'BRIDGE', 'DEFAULT', 'ADDRESSES IN USE'],
    networks.map(({ name, cidr, bridge, isDefault, ports }) => [name, cidr, bridge, isDefault ? 'yes' : '-', `${ports}`]),
  );
}

/** All of a network. */
export function networkSheet({ name, cidr, gateway, pool, bridge, mtu, dns, isDefault, ports }: Network): string {
  return sheet([
    ['name', name],
    ['subnet', cidr],
    ['gateway', gateway],
    ['pool', `${pool.start}-${pool.end}`],
    ['bridge', bridge],
    ['mtu', `${mtu}`],
    ['dns', dns.length === 0 ? null : dns.join(', ')],
    ['default', isDefault ? 'yes' : 'no'],
    ['ports', ports.length === 0 ? null : ports.map(({ ip, mac, owner }) => `${ip} ${mac} of ${owner}`).join('\n')],
  ]);
}
