import type { FieldProblem } from './failure.ts';
import { type FileSystem, isFileSystem } from './file-systems.ts';
import type { Flavor } from './flavor.ts';

/** A disk of its own that a request asks for, or the word that the root disk is the image's. */
export interface BlockDevice {
  readonly source: 'blank' | 'image';
  readonly destination: 'local';
  readonly bootIndex?: number;
  readonly sizeGiB?: number;
  readonly id?: string;
  readonly guestFormat?: string;
}

/** The disks of an instance beside its root, empty when it is built. */
export interface LocalDisks {
  readonly ephemerals: readonly EphemeralDisk[];
  /** 0: none. */
  readonly swapMiB: number;
}

export interface EphemeralDisk {
  /** `disk.local` is the flavor's own, `disk.eph<n>` those that a request names. */
  readonly name: string;
  readonly sizeGiB: number;
  /** Null: by the image's operating system. */
  readonly fileSystem: FileSystem | null;
}

/** A block device with its place in the request. */
interface Numbered {
  readonly device: BlockDevice;
  readonly field: string;
}

/**
 * What becomes of a flavor and the block devices of a request, as in Nova: ephemeral disks that are named take the place of the
 * flavor's, and so does a swap that is named; neither may be larger than the flavor's. Formats have to be right already.
 */
export function localDisksOf({ ephemeralGiB, swapMiB }: Flavor, devices: readonly BlockDevice[]): LocalDisks {
  const { ephemerals, swaps } = sorted(devices);
  const [swap] = swaps;
  const own: EphemeralDisk[] = ephemeralGiB === 0 ? [] : [{ name: 'disk.local', sizeGiB: ephemeralGiB, fileSystem: null }];
  return {
    swapMiB: swap?.device.sizeGiB === undefined ? swapMiB : swap.device.sizeGiB * 1024,
    ephemerals:
      ephemerals.length === 0
        ? own
        : ephemerals.map(({ device: { sizeGiB = ephemeralGiB, guestFormat } }, index) => ({
            name: `disk.eph${index}`,
            sizeGiB,
            fileSystem: guestFormat !== undefined && isFileSystem(guestFormat) ? guestFormat : null,
          })),
  };
}

/** Block devices whose format nobody makes: Nova's `InvalidBDMFormat`. */
export function unknownFormats(devices: readonly BlockDevice[]): readonly FieldProblem[] {
  return sorted(devices)
    .ephemerals.filter(({ device: { guestFormat } }) => guestFormat !== undefined && !isFileSystem(guestFormat))
    .map(({ field, device: { guestFormat } }) => ({
      field: `${field}.guestFormat`,
      message: `is ${guestFormat}, which is no format of ours`,
    }));
}

/** What is wrong with the block devices of a request for this flavor and image. */
export function blockDeviceProblems(flavor: Flavor, image: string, devices: readonly BlockDevice[]): readonly FieldProblem[] {
  const { roots, ephemerals, swaps } = sorted(devices);
  return [
    ...roots.flatMap((root, index) => rootProblems(root, image, index > 0)),
    ...ephemeralProblems(ephemerals, flavor),
    ...swaps.flatMap((swap, index) => swapProblems(swap, flavor, index > 0)),
    ...[...ephemerals, ...swaps].flatMap(({ device: { id, bootIndex = -1 }, field }) => [
      ...(id === undefined ? [] : [{ field: `${field}.id`, message: 'is nothing that a blank disk has' }]),
      ...(bootIndex < 0 ? [] : [{ field: `${field}.bootIndex`, message: 'must be -1 or left out: nothing boots from a blank disk' }]),
    ]),
  ];
}

function rootProblems(
  { field, device: { id, bootIndex, sizeGiB, guestFormat } }: Numbered,
  image: string,
  isSecond: boolean,
): FieldProblem[] {
  const problem = (name: string, message: string) => ({ field: `${field}${name}`, message });
  return [
    ...(isSecond ? [problem('', 'is a second disk of an image: there is one root disk')] : []),
    ...(bootIndex === 0 ? [] : [problem('.bootIndex', 'must be 0: the disk of the image is the one that boots')]),
    ...(id === undefined || id === image ? [] : [problem('.id', 'must be the image of the request, or left out')]),
    ...(sizeGiB === undefined ? [] : [problem('.sizeGiB', "must be left out: the root disk's size is the flavor's")]),
    ...(guestFormat === undefined ? [] : [problem('.guestFormat', 'must be left out: the image has its own')]),
  ];
}

function ephemeralProblems(ephemerals: readonly Numbered[], { name, ephemeralGiB }: Flavor): FieldProblem[] {
  const wantedGiB = ephemerals.reduce((sum, { device: { sizeGiB = ephemeralGiB } }) => sum + sizeGiB, 0);
  if (ephemerals.length === 0 || (wantedGiB > 0 && wantedGiB <= ephemeralGiB)) return [];
  const message = `${ephemerals.length > 1 ? 'and the others take' : 'takes'} ${wantedGiB} GiB, flavor ${name} has ${ephemeralGiB} GiB of ephemeral disk`;
  return ephemerals.slice(-1).map(({ field }) => ({ field: `${field}.sizeGiB`, message }));
}

function swapProblems({ field, device: { sizeGiB } }: Numbered, { name, swapMiB }: Flavor, isSecond: boolean): FieldProblem[] {
  if (isSecond) return [{ field, message: 'is a second swap: an instance has one' }];
  const wantedMiB = sizeGiB === undefined ? swapMiB : sizeGiB * 1024;
  if (wantedMiB > 0 && wantedMiB <= swapMiB) return [];
  return [{ field: `${field}.sizeGiB`, message: `takes ${wantedMiB} MiB, flavor ${name} has ${swapMiB} MiB of swap` }];
}

function sorted(devices: readonly BlockDevice[]): Readonly<Record<'roots' | 'ephemerals' | 'swaps', readonly Numbered[]>> {
  const numbered = devices.map((device, index) => ({ device, field: `blockDevices[${index}]` }));
  const blank = numbered.filter(({ device }) => device.source === 'blank');
  return {
    roots: numbered.filter(({ device }) => device.source === 'image'),
    ephemerals: blank.filter(({ device }) => device.guestFormat !== 'swap'),
    swaps: blank.filter(({ device }) => device.guestFormat === 'swap'),
  };
}
