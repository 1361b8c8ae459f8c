import { z } from 'zod';
import { hostName, must, objectOf, reason } from './fields.ts';
import { onFailure } from './on-failure.ts';

const maxHosts = 1000;

/** `enableHost` and `disableHost`: whether new instances may be placed on a host. */
export const setHostEnabled = objectOf({ host: hostName, reason: z.exactOptional(reason), onFailure });

/** Names of hosts, at least one. */
export const hostNames = z
  .array(hostName, must('a list of hosts'))
  .min(1, 'must name a host')
  .max(maxHosts, `must name at most ${maxHosts} hosts`);

/** `fenceHost`: says that a host which is down is off, so that nothing runs there. */
export const fenceHost = objectOf({ host: hostName, reason, onFailure });

/** `auditHost`: compares what a host has with its record and its claims. */
export const auditHost = objectOf({ host: hostName, onFailure });

/** `verify`: compares the records with these hosts, or with all. */
export const verify = objectOf({ hosts: z.exactOptional(hostNames), onFailure });
