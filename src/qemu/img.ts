import { z } from 'zod';

/** A format that a guest's disk may have. */
export type QemuFormat = 'qcow2' | 'raw';

/** A format that is named to qemu-img: none of its commands ever guesses one. */
export type ReadableFormat = QemuFormat | 'vmdk';

/** Absolute, since qemu-img takes a path like `nbd:host` or `json:{}` for something else than a file. */
type AbsolutePath = string;

/** The arguments that make `path` an empty qcow2 overlay over `base`, as large as `sizeBytes`, or as the base where that is null. */
export function createOverlayArgs({
  base,
  baseFormat,
  path,
  sizeBytes,
}: {
  readonly base: AbsolutePath;
  readonly baseFormat: QemuFormat;
  readonly path: AbsolutePath;
  readonly sizeBytes: number | null;
}): readonly string[] {
  const size = sizeBytes === null ? [] : [bytes(sizeBytes)];
  return ['create', '-q', '-f', 'qcow2', '-F', baseFormat, '-b', absolute(base), '--', absolute(path), ...size];
}

/** The arguments that make `path` an empty disk of its own. */
export function createDiskArgs({
  format,
  path,
  sizeBytes,
}: {
  readonly format: QemuFormat;
  readonly path: AbsolutePath;
  readonly sizeBytes: number;
}): readonly string[] {
  return ['create', '-q', '-f', format, '--', absolute(path), bytes(sizeBytes)];
}

/**
 * The arguments that write all of `from` into `to`, without a backing file, and flush it; how far it is is printed, see `doneShareIn`.
 * @param cache `none` keeps a large copy out of the page cache that the guests use; `writeback` where there is no O_DIRECT; `unsafe` flushes nothing
 */
export function convertArgs({
  from,
  fromFormat,
  to,
  toFormat,
  cache,
  isCompressed = false,
}: {
  readonly from: AbsolutePath;
  readonly fromFormat: ReadableFormat;
  readonly to: AbsolutePath;
  readonly toFormat: QemuFormat;
  readonly cache: 'none' | 'writeback' | 'unsafe';
  readonly isCompressed?: boolean;
}): readonly string[] {
  const packed = isCompressed ? ['-c'] : [];
  return ['convert', '-p', ...packed, '-t', cache, '-T', cache, '-f', fromFormat, '-O', toFormat, '--', absolute(from), absolute(to)];
}

/** The arguments that print what `parseMeasured` reads: what all of a disk takes without its zeros; one that a guest has open is read all the same. */
export function measureArgs({ path, format }: { readonly path: AbsolutePath; readonly format: QemuFormat }): readonly string[] {
  return ['measure', '-U', '-f', format, '-O', 'qcow2', '--output=json', '--', absolute(path)];
}

const measured = z.object({ required: z.int().nonnegative() });

/**
 * Reads the output of `qemu-img measure --output=json`: bytes.
 * @throws a ZodError or SyntaxError when it is something else
 */
export function parseMeasured(json: string): number {
  return measured.parse(JSON.parse(json)).required;
}

/**
 * The arguments that write all of `from` over the beginning of the block device `to`, past the page cache, and flush it; how far it is
 * is printed. Where the image has zeros the device gets zeros: nobody says what it held.
 */
export function writeArgs({
  from,
  fromFormat,
  to,
}: {
  readonly from: AbsolutePath;
  readonly fromFormat: QemuFormat;
  readonly to: AbsolutePath;
}): readonly string[] {
  return ['convert', '-p', '-n', '-t', 'none', '-f', fromFormat, '-O', 'raw', '--', absolute(from), absolute(to)];
}

/** The arguments that grow a disk; qemu-img refuses to shrink one without a further option. */
export function growArgs({
  path,
  format,
  sizeBytes,
}: {
  readonly path: AbsolutePath;
  readonly format: QemuFormat;
  readonly sizeBytes: number;
}): readonly string[] {
  return ['resize', '-q', '-f', format, '--', absolute(path), bytes(sizeBytes)];
}

/** The arguments that write the first bytes of the disk in an image into a raw file. */
export function startArgs({
  path,
  format,
  to,
  bytes: count,
}: {
  readonly path: AbsolutePath;
  readonly format: QemuFormat;
  readonly to: AbsolutePath;
  readonly bytes: number;
}): readonly string[] {
  return ['dd', '-f', format, '-O', 'raw', `bs=${bytes(count)}`, 'count=1', `if=${absolute(path)}`, `of=${absolute(to)}`];
}

/** The arguments that name another file as what an overlay stands on, which has the same bytes; nothing else of it changes. */
export function restArgs({
  path,
  base,
  baseFormat,
}: {
  readonly path: AbsolutePath;
  readonly base: AbsolutePath;
  readonly baseFormat: QemuFormat;
}): readonly string[] {
  return ['rebase', '-q', '-u', '-f', 'qcow2', '-F', baseFormat, '-b', absolute(base), '--', absolute(path)];
}

/** The arguments that print what `parseInfo` reads; a disk that a guest has open is read all the same. */
export function infoArgs({ path, format }: { readonly path: AbsolutePath; readonly format: ReadableFormat }): readonly string[] {
  return ['info', '-U', '-f', format, '--output=json', '--', absolute(path)];
}

/** The arguments that walk all tables of an image that nobody has open; exit codes in `checkExit`. */
export function checkArgs({ path, format }: { readonly path: AbsolutePath; readonly format: 'qcow2' | 'vmdk' }): readonly string[] {
  return ['check', '-q', '-f', format, '--', absolute(path)];
}

/** How `qemu-img check` ends, as its manual has it. Leaked clusters cost space and nothing else. */
export const checkExit = { broken: 1, corrupt: 2, leaks: 3 } as const;

const share = /\((\d+(?:\.\d+)?)\/100%\)/g;

/** The last share, from 0 to 1, that qemu-img says in `printed` to have done, or null. It rewrites a line: `    (12.50/100%)\r`. */
export function doneShareIn(printed: string): number | null {
  const percent = [...printed.matchAll(share)].at(-1)?.[1];
  return percent === undefined ? null : Number(percent) / 100;
}

/** What `qemu-img info` tells of one file. */
export interface DiskInfo {
  readonly format: string;
  readonly virtualSizeBytes: number;
  /** What the file takes on the host's file system. */
  readonly allocatedBytes: number;
  readonly backing: { readonly path: string; readonly format: string | null } | null;
}

const info = z.object({
  format: z.string(),
  'virtual-size': z.int().nonnegative(),
  'actual-size': z.int().nonnegative().default(0),
  'full-backing-filename': z.string().optional(),
  'backing-filename': z.string().optional(),
  'backing-filename-format': z.string().optional(),
});

/**
 * Reads the output of `qemu-img info --output=json`.
 * @throws a ZodError or SyntaxError when it is something else
 */
export function parseInfo(json: string): DiskInfo {
  const parsed = info.parse(JSON.parse(json));
  const backing = parsed['full-backing-filename'] ?? parsed['backing-filename'];
  return {
    format: parsed.format,
    virtualSizeBytes: parsed['virtual-size'],
    allocatedBytes: parsed['actual-size'],
    backing: backing === undefined ? null : { path: backing, format: parsed['backing-filename-format'] ?? null },
  };
}

function absolute(path: AbsolutePath): string {
  if (!path.startsWith('/')) throw new TypeError(`qemu-img is given absolute paths, not ${path}`);
  return path;
}

function bytes(size: number): string {
  if (!Number.isSafeInteger(size) || size <= 0) throw new RangeError(`a disk has a whole number of bytes above 0, not ${size}`);
  return `${size}`;
}
