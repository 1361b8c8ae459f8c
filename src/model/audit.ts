import type { Claim, Inventory } from './host.ts';
import type { Disk, Instance } from './instance.ts';
import { claimFindings } from './verify/claims.ts';
import { domainFindings } from './verify/domains.ts';
import type { Finding } from './verify/finding.ts';
import { pinningFindings } from './verify/pinning.ts';
import { type HostScene, instancesHere, isForeign, whyForeign } from './verify/scene.ts';

/** What an audit compares: the records' claims and domains as `verify` has them, and what only a measurement tells. */
export const differenceKinds = [
  'ClaimMissing',
  'ClaimDiffers',
  'UnknownClaim',
  'DomainMissing',
  'UnknownDomain',
  'PinningDiffers',
  'UnknownDirectory',
  'InventoryDiffers',
  'DiskOverCommitted',
] as const;

export type DifferenceKind = (typeof differenceKinds)[number];

/** One thing in which a host is not what the scheduler takes it for. Public API. */
export interface Difference {
  readonly kind: DifferenceKind;
  readonly what: string;
  readonly likelyCause: string;
}

/** What a host measured of itself. */
export interface Measured {
  readonly inventory: Pick<Inventory, 'vcpus' | 'memoryMiB' | 'diskGiB'>;
  readonly fileSystems: readonly FileSystem[];
  /** What the files of instances take on the disk. */
  readonly files: readonly { readonly instanceId: string; readonly name: string; readonly allocatedBytes: number }[];
}

/** A file system on which disks or images are; the first is that of the instances. */
export interface FileSystem {
  readonly directory: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
}

/** The room on a host's disk as Nova counts it. Public API. */
export interface DiskRoom {
  readonly freeBytes: number;
  /** What disks may still grow by: their sizes less what their files take (`disk_over_committed_size`). */
  readonly overCommittedBytes: number;
  /** What is left when all of them have grown (`disk_available_least`); negative when they cannot. */
  readonly availableLeastBytes: number;
}

/** The room that is left on the instances' file system by the records' sizes: what a guest wrote into its disk is never asked. */
export function diskRoom(scene: HostScene, { fileSystems, files }: Measured): DiskRoom {
  const allocated = new Map(files.map(({ instanceId, name, allocatedBytes }) => [`${instanceId}/${name}`, allocatedBytes]));
  const growthOf = ({ id, disks }: Instance) =>
    disks
      .filter(growsAsItIsWritten)
      .reduce((sum, { name, sizeBytes }) => sum + Math.max(0, sizeBytes - (allocated.get(`${id}/${name}`) ?? 0)), 0);
  const freeBytes = fileSystems[0]?.freeBytes ?? 0;
  const overCommittedBytes = instancesHere(scene).reduce((sum, instance) => sum + growthOf(instance), 0);
  return { freeBytes, overCommittedBytes, availableLeastBytes: freeBytes - overCommittedBytes };
}

/** Overlays, and the sparse files of ephemeral disks, of swap and of raw root disks. No guest writes to its config drive. */
function growsAsItIsWritten({ name, kind }: Disk): boolean {
  return (kind === 'qcow2' || kind === 'raw') && name !== 'disk.config';
}

/** Everything in which the host is not what its record says. */
export function differencesOf(scene: HostScene, measured: Measured): readonly Difference[] {
  return [
    ...[...claimFindings(scene), ...domainFindings(scene), ...pinningFindings(scene)].flatMap(asDifference),
    ...unknownDirectories(scene),
    ...inventoryDifferences(scene, measured),
    ...overCommitment(scene, measured),
  ];
}

/** The claims that provably nobody holds: their instance is deleted, or its record has gone with the retention, and no operation works on it. */
export function leftoverClaims(scene: HostScene, workedOn: ReadonlySet<string>): readonly Claim[] {
  return (scene.record?.claims ?? []).filter(({ instanceId }) => {
    const instance = scene.instances.get(instanceId)?.instance;
    const isOver = instance === undefined || instance.vmState === 'deleted';
    return isOver && isForeign(scene, instanceId) && !workedOn.has(instanceId);
  });
}

/** The differences of `later` that `earlier` has too: what only passed by is in one of them. */
export function lastingDifferences(earlier: readonly Difference[], later: readonly Difference[]): readonly Difference[] {
  const before = new Set(earlier.map(({ kind, what }) => `${kind} ${what}`));
  return later.filter(({ kind, what }) => before.has(`${kind} ${what}`));
}

function asDifference({ kind, what, likelyCause }: Finding): readonly Difference[] {
  const known = differenceKinds.find((one) => one === kind);
  return known === undefined ? [] : [{ kind: known, what, likelyCause }];
}

function unknownDirectories(scene: HostScene): readonly Difference[] {
  const { perInstance, directory, sharers } = scene.listing.instances;
  if (sharers.length > 1) return []; // nobody's: each host that shares it finds the same
  return perInstance
    .filter(({ instanceId, files }) => isForeign(scene, instanceId) && files.some((name) => name !== 'lock' && name !== 'generation'))
    .map(({ instanceId }) => ({
      kind: 'UnknownDirectory',
      what: `${directory}/${instanceId} takes disk that nobody claimed`,
      likelyCause: whyForeign(scene, instanceId),
    }));
}

function inventoryDifferences({ record }: HostScene, { inventory }: Measured): readonly Difference[] {
  if (record === null) return [];
  return (['vcpus', 'memoryMiB', 'diskGiB'] as const)
    .filter((name) => record.inventory[name] !== inventory[name])
    .map((name) => ({
      kind: 'InventoryDiffers',
      what: `${name} is ${inventory[name]}, the record says ${record.inventory[name]}`,
      likelyCause:
        'it changed since the worker reported, which it does once a minute: hardware was added or taken, or a configured capacity',
    }));
}

function overCommitment(scene: HostScene, measured: Measured): readonly Difference[] {
  const { freeBytes, overCommittedBytes, availableLeastBytes } = diskRoom(scene, measured);
  if (availableLeastBytes >= 0) return [];
  const GiB = 1024 ** 3;
  return [
    {
      kind: 'DiskOverCommitted',
      what: 'the disks of instances may grow to more than is free',
      likelyCause: `${(freeBytes / GiB).toFixed(1)} GiB are free, disks may take ${(overCommittedBytes / GiB).toFixed(1)} GiB more: a disk ratio above 1, or files beside the instances`,
    },
  ];
}
