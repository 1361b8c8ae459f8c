import { z } from 'zod';
import { flag, ipv4, must, networkName, objectOf, textOf, wholeNumber } from './fields.ts';
import { onFailure } from './on-failure.ts';
import * as patterns from './patterns.ts';

const maxServers = 8;

/** `createNetwork`: the form of each field; whether addresses lie in the subnet is the model's to say. */
export const createNetwork = objectOf({
  name: networkName,
  cidr: z.cidrv4(must('an IPv4 subnet, such as 10.0.0.0/24')),
  bridge: textOf(patterns.interfaceName, 'the name of a bridge: 1 to 15 of letters, digits, ".", "_" and "-"'),
  gateway: z.exactOptional(ipv4),
  pool: z.exactOptional(objectOf({ start: ipv4, end: ipv4 }, 'an object { start, end }')),
  mtu: z.exactOptional(wholeNumber(576, 9216)),
  dns: z.exactOptional(z.array(ipv4, must('a list of IPv4 addresses')).max(maxServers, `must have at most ${maxServers} addresses`)),
  isDefault: z.exactOptional(flag),
  onFailure,
});
