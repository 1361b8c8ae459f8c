import { createHash } from 'node:crypto';
import { Address4 } from 'ip-address';
import { z } from 'zod';
import { run } from './run.ts';

const routes = z.array(z.object({ dst: z.string() }));
const pairs = 64 * 128;

/** The two networks of a lab: hosts talk on `management`, guests on `provider`. Both are /24, such as `10.77.4.0/24`. */
export interface Subnets {
  readonly management: string;
  readonly provider: string;
}

/** Picks a lab's two networks by its name, and others when the machine already has a route into them. */
export async function chooseSubnets(lab: string): Promise<Subnets> {
  const taken = routes.parse(JSON.parse(await run('ip', ['-j', '-4', 'route', 'show', 'table', 'all']))).map((route) => route.dst);
  return freeSubnets(lab, taken);
}

/** The first pair of networks in 10.64.0.0/10, counted from a place that depends on the lab's name, which overlaps none of `taken`. */
export function freeSubnets(lab: string, taken: readonly string[]): Subnets {
  // A default route covers everything and clashes with nothing.
  const routed = taken.filter((dst) => dst !== 'default' && dst !== '0.0.0.0/0').map((dst) => new Address4(dst));
  const first = createHash('sha256').update(lab).digest().readUInt16BE(0) % pairs;
  for (let step = 0; step < pairs; step += 1) {
    const pair = pairOf((first + step) % pairs);
    if (isFree(pair.management, routed) && isFree(pair.provider, routed)) return pair;
  }
  throw new Error('every network in 10.64.0.0/10 is routed on this machine: there is none left for a lab');
}

/** The n-th address of a /24 network. */
export function addressIn(cidr: string, n: number): string {
  return cidr.replace(/0\/24$/, String(n));
}

function pairOf(index: number): Subnets {
  const second = 64 + Math.floor(index / 128);
  const third = (index % 128) * 2;
  return { management: `10.${second}.${third}.0/24`, provider: `10.${second}.${third + 1}.0/24` };
}

function isFree(cidr: string, routed: readonly Address4[]): boolean {
  const subnet = new Address4(cidr);
  return routed.every((route) => !(route.isInSubnet(subnet) || subnet.isInSubnet(route)));
}
