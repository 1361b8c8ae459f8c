import { type Failure, refusals } from './failure.ts';

/**
 * Failures of a step on a host that another host would have as well, or that say nothing of any host: a build ends with them.
 * Whatever else a host's step fails with is the host's (Nova reschedules so too): a full disk, a silent or broken libvirt, a
 * guest that QEMU does not start, a port that is never plugged, an image that cannot be copied or asks for a device that is not here.
 */
export const requestFaults: readonly Failure[] = [
  ...refusals,
  'NoValidHost',
  'ImageUnacceptable',
  'GuestNotQuiesced',
  'StaleToken',
  'AddressTaken',
];
