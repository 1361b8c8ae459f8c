import type { Flavor } from '../flavor.ts';
import type { Disk, Instance } from '../instance.ts';
import type { Refused } from '../refused.ts';

/** What a resize is judged by: the instance as it is, and what its image asks for. */
export interface ResizeWish {
  readonly instance: Pick<Instance, 'flavor' | 'disks'>;
  readonly flavor: Flavor;
  readonly minimum: { readonly minRootGiB: number; readonly minMemoryMiB: number };
}

const GiB = 1024 ** 3;

/** Why an instance cannot get this flavor, whatever the host, or null. A disk never shrinks: what is on it would be cut off. */
export function refusalToResize({ instance, flavor, minimum }: ResizeWish): Refused | null {
  const { flavor: old, disks } = instance;
  if (isSame(old, flavor)) return invalid('is the flavor that the instance has: name another one');
  const short = shrinkOfRoot(old, flavor, disks) ?? shrinkOfEphemerals(old, flavor, disks) ?? rootBelowImage(flavor, minimum.minRootGiB);
  if (short !== null) return { type: 'FlavorDiskTooSmall', message: `flavor ${flavor.name} has ${short}` };
  if (flavor.memoryMiB >= minimum.minMemoryMiB) return null;
  const message = `flavor ${flavor.name} has ${flavor.memoryMiB} MiB of memory, the image wants ${minimum.minMemoryMiB} MiB`;
  return { type: 'FlavorMemoryTooSmall', message };
}

function isSame(one: Flavor, other: Flavor): boolean {
  const { extraSpecs: specs, ...sizes } = one;
  const { extraSpecs: otherSpecs, ...otherSizes } = other;
  const inOrder = (map: object) => JSON.stringify(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
  return inOrder(sizes) === inOrder(otherSizes) && inOrder(specs) === inOrder(otherSpecs);
}

/** A root of 0 GiB is as large as the image: one that has a size of its own cannot go back to that. */
function shrinkOfRoot(old: Flavor, flavor: Flavor, disks: readonly Disk[]): string | null {
  if (flavor.rootGiB === 0) return old.rootGiB === 0 ? null : `a root disk of the image's size, the instance's has ${old.rootGiB} GiB`;
  const root = disks.find(({ name }) => name === 'disk');
  // A whole device has the size that it has; only the flavor tells what was asked for.
  const isDevice = root?.device !== undefined;
  const hasBytes = isDevice || root === undefined ? old.rootGiB * GiB : root.sizeBytes;
  return flavor.rootGiB * GiB < hasBytes ? shorter(`a root disk of ${flavor.rootGiB} GiB`, hasBytes) : null;
}

function shrinkOfEphemerals({ ephemeralGiB: oldGiB }: Flavor, { ephemeralGiB }: Flavor, disks: readonly Disk[]): string | null {
  const own = disks.filter(({ name, device }) => isEphemeral(name) && device === undefined);
  const hasBytes = Math.max(
    own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    disks.some(({ name }) => isEphemeral(name)) ? oldGiB * GiB : 0,
  );
  return ephemeralGiB * GiB < hasBytes ? shorter(`${ephemeralGiB} GiB of ephemeral disk`, hasBytes) : null;
}

function rootBelowImage({ rootGiB }: Flavor, minRootGiB: number): string | null {
  return rootGiB !== 0 && rootGiB < minRootGiB ? `a root disk of ${rootGiB} GiB, the image wants ${minRootGiB} GiB` : null;
}

function shorter(what: string, hasBytes: number): string {
  return `${what}, the instance's has ${Number((hasBytes / GiB).toFixed(2))} GiB: a disk never shrinks`;
}

function invalid(message: string): Refused {
  return { type: 'InvalidRequest', message: `flavor ${message}`, details: { fields: [{ field: 'flavor', message }] } };
}

/** Whether a disk is an ephemeral one, the flavor's own or one that a request named. */
export function isEphemeral(name: string): boolean {
  return name === 'disk.local' || name.startsWith('disk.eph');
}
