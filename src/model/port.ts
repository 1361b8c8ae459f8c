import { createHash } from 'node:crypto';

/**
 * The name of the tap device of an instance's port: 14 characters, one less than the kernel takes.
 * 44 bits of a hash: among 10,000 ports of one host two share a name once in 350,000 hosts.
 */
export function tapNameOf(instanceId: string, index: number): string {
  return `tap${digestOf(instanceId, index).slice(0, 11)}`;
}

/** The MAC address of an instance's port, in the range that OpenStack uses. 24 bits: the network's record refuses one that is taken. */
export function macOf(instanceId: string, index: number): string {
  const bytes = digestOf(instanceId, index).match(/../g) ?? [];
  return ['fa', '16', '3e', ...bytes.slice(0, 3)].join(':');
}

function digestOf(instanceId: string, index: number): string {
  return createHash('sha256').update(`${instanceId}/${index}`).digest('hex');
}
