import { ApplicationFailure } from '@temporalio/activity';
import type { Config } from '../../../config.ts';
import { type ClaimState, type DeviceClaim, type DeviceIdentity, differenceOf, type WantedDevice } from '../../../model/device-claim.ts';
import { fail } from '../../fail.ts';
import { identityOf, signaturesOn, whyInUse } from './block-device.ts';
import { type DeviceClaims, deviceClaims } from './claims.ts';

/** The whole devices that a host gives to disks. */
export interface DevicePool {
  readonly claims: DeviceClaims;
  /** The device of a disk: the one that it has, or the smallest free one that is large enough. Raises `DiskSpaceLow`, `DeviceDiffers`. */
  readonly take: (instanceId: string, wanted: WantedDevice) => Promise<DeviceClaim>;
  /** Why these disks cannot have a device each, or null. Changes nothing. */
  readonly whyNot: (instanceId: string, wanted: readonly WantedDevice[]) => Promise<string | null>;
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

  return { claims, take, whyNot, look, has: (path) => devices.some((device) => device.path === path) };

  function take(instanceId: string, wanted: WantedDevice): Promise<DeviceClaim> {
    return claims.change(async (before) => {
      const claim = await chosen(before, instanceId, wanted);
      return { claims: before.includes(claim) ? before : [...before, claim], result: claim };
    });
  }

  async function whyNot(instanceId: string, wanted: readonly WantedDevice[]): Promise<string | null> {
    let taken = wanted.length === 0 ? [] : await claims.read();
    try {
      for (const one of wanted) taken = [...taken, await chosen(taken, instanceId, one)];
      return null;
    } catch (error) {
      if (!(error instanceof ApplicationFailure)) throw error;
      return error.message;
    }
  }

  /** One that the disk has already, or one that is free. */
  async function chosen(taken: readonly DeviceClaim[], instanceId: string, wanted: WantedDevice): Promise<DeviceClaim> {
    const { disk } = wanted;
    const own = taken.find((claim) => claim.instanceId === instanceId && claim.disk === disk);
    if (own === undefined) return { instanceId, disk, ...(await freeDevice(taken, wanted)) };
    // What it left when it was here before is not wiped yet.
    const misfit = own.state === 'left' ? misfitOf(own.identity, wanted) : null;
    if (misfit !== null) throw fail('DiskSpaceLow', `${own.path}, which ${disk} had before and which is to be wiped, ${misfit}`);
    return look(own);
  }

  async function look(claim: DeviceClaim): Promise<DeviceClaim> {
    const difference = differenceOf(claim.identity, await identityOf(claim.path));
    if (difference === null) return claim;
    throw fail('DeviceDiffers', `${claim.path} is not the device that instance ${claim.instanceId} was given: ${difference}`);
  }

  async function freeDevice(taken: readonly DeviceClaim[], wanted: WantedDevice): Promise<Candidate> {
    const { disk, sizeBytes, isExact } = wanted;
    const looked = await Promise.all(devices.map((device) => candidateOr(device, taken, wanted)));
    const usable = looked.filter((one) => typeof one !== 'string').toSorted((a, b) => a.identity.sizeBytes - b.identity.sizeBytes);
    const [smallest] = usable;
    if (smallest !== undefined) return smallest;
    const reasons = looked.filter((one) => typeof one === 'string').join('; ');
    const size = `${isExact ? 'exactly ' : ''}${sizeBytes} bytes`;
    throw fail('DiskSpaceLow', `${host.name} has no free device of ${size} for ${disk}: ${reasons || 'it has none at all'}`);
  }
}

/** The device as one that may be taken, or why it may not. */
async function candidateOr(
  { path, wipe }: Config['isolate']['devices'][number],
  taken: readonly DeviceClaim[],
  wanted: WantedDevice,
): Promise<Candidate | string> {
  const owner = taken.find((claim) => claim.path === path);
  if (owner !== undefined) return `${path} is of instance ${owner.instanceId}${owner.state === 'left' ? ', to be wiped' : ''}`;
  const identity = await identityOf(path);
  if (identity === null) return `${path} is not there`;
  const misfit = misfitOf(identity, wanted);
  if (misfit !== null) return `${path} ${misfit}`;
  const use = await whyInUse(path);
  if (use !== null) return `${path} ${use}`;
  const found = await signaturesOn(path);
  if (found.length > 0 && !wipe) return `${path} carries ${found.join(', ')}: wipe it, or say so in isolate.devices`;
  return { path, identity, state: found.length > 0 ? 'dirty' : 'claimed' };
}

function misfitOf(found: DeviceIdentity, { sizeBytes, isExact }: WantedDevice): string | null {
  const fits = isExact ? found.sizeBytes === sizeBytes : found.sizeBytes >= sizeBytes;
  return fits ? null : `has ${found.sizeBytes} bytes`;
}
