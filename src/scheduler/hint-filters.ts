import { BlockList, isIPv4 } from 'node:net';
import type { Hints } from '../model/placement-request.ts';
import type { Check, Filter } from './filter.ts';

/** Nova's SameHostFilter. */
export const sameHost: Filter = {
  name: 'sameHost',
  checkFor: ({ hints }) => {
    const wanted = idsOf(hints?.same_host);
    if (wanted.length === 0) return null;
    return ({ host, instances }) =>
      wanted.some((id) => instances.includes(id)) ? null : `${host} has no instance of ${wanted.join(', ')}`;
  },
};

/** Nova's DifferentHostFilter. */
export const differentHost: Filter = {
  name: 'differentHost',
  checkFor: ({ hints }) => {
    const unwanted = idsOf(hints?.different_host);
    if (unwanted.length === 0) return null;
    return ({ host, instances }) => {
      const there = unwanted.find((id) => instances.includes(id));
      return there === undefined ? null : `${host} has instance ${there}`;
    };
  },
};

/** Nova's SimpleCIDRAffinityFilter. */
export const simpleCidrAffinity: Filter = {
  name: 'simpleCidrAffinity',
  checkFor: ({ hints }) => {
    const { build_near_host_ip: near, cidr = '/24' } = hints ?? {};
    return near === undefined ? null : ifOutside(near, cidr);
  },
};

function ifOutside(near: string, cidr: string): Check {
  const subnet = new BlockList();
  subnet.addSubnet(near, Number(cidr.slice(1)));
  return ({ host, address }) => (isIPv4(address) && subnet.check(address) ? null : `${host} is at ${address}, outside of ${near}${cidr}`);
}

function idsOf(ids: Hints['same_host']): readonly string[] {
  if (ids === undefined) return [];
  return typeof ids === 'string' ? [ids] : ids;
}
