import { z } from 'zod';
import type { Network } from '../model/network.ts';
import { describes } from './describes.ts';
import { count, id, ipv4, mac } from './values.ts';

/** The record of a network. */
export const network = describes<Network>()(
  z.strictObject({
    name: z.string(),
    cidr: z.cidrv4(),
    gateway: ipv4.nullable(),
    pool: z.strictObject({ start: ipv4, end: ipv4 }),
    bridge: z.string(),
    mtu: count,
    isDefault: z.boolean(),
    dns: z.array(ipv4),
    ports: z.array(z.strictObject({ id, owner: id, mac, ip: ipv4 })),
  }),
);
