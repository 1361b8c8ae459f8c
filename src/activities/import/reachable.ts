import { BlockList, isIP } from 'node:net';

/**
 * What an image may not come from unless the configuration says so: addresses by which whoever may import could make a host
 * ask itself, its neighbours on the link, or the metadata service of the cloud it runs in. Private networks are not among
 * them: that is where images are.
 */
const forbiddenIpv4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local, and most metadata services
  ['192.0.0.0', 24], // Oracle's
  ['100.100.100.200', 32], // Alibaba's
  ['168.63.129.16', 32], // Azure's
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

const forbiddenIpv6: readonly (readonly [string, number])[] = [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
  ['fd00:ec2::', 32], // Amazon's
  ['fd20:ce::', 32], // Google's
  ['2002::', 16], // 6to4: it goes where the IPv4 address in it says
  ['2001::', 32], // Teredo, too
];

/** Prefixes behind which an IPv4 address stands in for itself: NAT64, and the compatible addresses of old. */
const embedding = ['64:ff9b::', '::'] as const;

const forbidden = new BlockList();
for (const [network, prefix] of forbiddenIpv4) {
  forbidden.addSubnet(network, prefix);
  for (const before of embedding) forbidden.addSubnet(`${before}${network}`, 96 + prefix, 'ipv6');
}
for (const [network, prefix] of forbiddenIpv6) forbidden.addSubnet(network, prefix, 'ipv6');

/** Whether an import may connect to an address. `allowed` are networks in CIDR notation that it may after all. */
export function reachability(allowed: readonly string[]): (address: string) => boolean {
  const exempt = new BlockList();
  for (const cidr of allowed) {
    const [network = '', prefix] = cidr.split('/');
    exempt.addSubnet(network, Number(prefix), familyOf(network));
  }
  return (address) => {
    const plain = address.split('%', 1)[0] ?? '';
    if (isIP(plain) === 0) return false;
    return !forbidden.check(plain, familyOf(plain)) || exempt.check(plain, familyOf(plain));
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
