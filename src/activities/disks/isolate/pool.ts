import type { Config } from '../../../config.ts';
import { type ClaimState, type DeviceClaim, type DeviceIdentity, differenceOf } from '../../../model/device-claim.ts';
import { fail } from '../../fail.ts';
import { identityOf, signaturesOn, whyInUse } from './block-device.ts';
import { type DeviceClaims, deviceClaims } from './claims.ts';

/** The whole devices that a host gives to disks. */
export interface DevicePool {
  readonly claims: DeviceClaims;
  /** The device of a disk: the one that it has, or the smallest free one that is large enough. Raises `DiskSpaceLow`, `DeviceDiffers`. */
  readonly take: (instanceId: string, disk: string, sizeBytes: number) => Promise<DeviceClaim>;
  /** The claim, its device looked at again. Raises `DeviceDiffers` when it is another one by now. */
  readonly look: (claim: DeviceClaim) => Promise<DeviceClaim>;
  /** Whether the configuration still has the device. */
  readonly has: (path: string) => boolean;
}

interface Candidate {
  readonly path: string;
  readonly identity: DeviceIdentity;
  readonly state: ClaimState;
}

/** The pool of this host, from its configuration. */
export function devicePool({ instancesDir, host, isolate: { devices } }: Pick<Config, 'instancesDir' | 'host' | 'isolate'>): DevicePool {
  const claims = deviceClaims(instancesDir, host.name);

  return { claims, take, look, has: (path) => devices.some((device) => device.path === path) };

  function take(instanceId: string, disk: string, sizeBytes: number): Promise<DeviceClaim> {
    return claims.change(async (before) => {
      const own = before.find((claim) => claim.instanceId === instanceId && claim.disk === disk);
      if (own !== undefined) return { claims: before, result: await look(own) };
      const { path, identity, state } = await freeDevice(before, disk, sizeBytes);
      const claim: DeviceClaim = { path, instanceId, disk, identity, state };
      return { claims: [...before, claim], result: claim };
    });
  }

  async function look(claim: DeviceClaim): Promise<DeviceClaim> {
    const difference = differenceOf(claim.identity, await identityOf(claim.path));
    if (difference === null) return claim;
    throw fail('DeviceDiffers', `${claim.path} is not the device that instance ${claim.instanceId} was given: ${difference}`);
  }

  async function freeDevice(taken: readonly DeviceClaim[], disk: string, sizeBytes: number): Promise<Candidate> {
    const looked = await Promise.all(devices.map((device) => candidateOr(device, taken, sizeBytes)));
    const usable = looked.filter((one) => typeof one !== 'string').toSorted((a, b) => a.identity.sizeBytes - b.identity.sizeBytes);
    const [smallest] = usable;
    if (smallest !== undefined) return smallest;
    const reasons = looked.filter((one) => typeof one === 'string').join('; ');
    throw fail('DiskSpaceLow', `${host.name} has no free device of ${sizeBytes} bytes for ${disk}: ${reasons || 'it has none at all'}`);
  }
}

/** The device as one that may be taken, or why it may not. */
async function candidateOr(
  { path, wipe }: Config['isolate']['devices'][number],
  taken: readonly DeviceClaim[],
  sizeBytes: number,
): Promise<Candidate | string> {
  const owner = taken.find((claim) => claim.path === path);
  if (owner !== undefined) return `${path} is of instance ${owner.instanceId}${owner.state === 'left' ? ', to be wiped' : ''}`;
  const identity = await identityOf(path);
  if (identity === null) return `${path} is not there`;
  if (identity.sizeBytes < sizeBytes) return `${path} has ${identity.sizeBytes} bytes`;
  const use = await whyInUse(path);
  if (use !== null) return `${path} ${use}`;
  const found = await signaturesOn(path);
  if (found.length > 0 && !wipe) return `${path} carries ${found.join(', ')}: wipe it, or say so in isolate.devices`;
  return { path, identity, state: found.length > 0 ? 'dirty' : 'claimed' };
}
