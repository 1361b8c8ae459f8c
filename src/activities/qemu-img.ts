import { readFile, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  checkArgs,
  checkExit,
  convertArgs,
  createDiskArgs,
  createOverlayArgs,
  type DiskInfo,
  doneShareIn,
  infoArgs,
  measureArgs,
  parseInfo,
  parseMeasured,
  type QemuFormat,
  type ReadableFormat,
  startArgs,
} from '../qemu/img.ts';
import { CommandFailed } from './failures.ts';
import { tellProgress } from './progress.ts';
import { fail } from './record-client.ts';
import { type Limits, run } from './run.ts';

const GiB = 1024 ** 3;

/** Reading a header: Nova's `QEMU_IMG_LIMITS`, and as long again for a slow store. */
const toLook: Limits = { cpuSeconds: 30, wallSeconds: 60, addressSpaceBytes: GiB };

/** A disk that has less than this left is full. */
const leastFreeBytes = 4 * 1024 ** 2;

/** What `qemu-img` finds in a file of this format, within limits. Raises `ImageUnacceptable` when it finds something else. */
export async function diskInfo(file: { readonly path: string; readonly format: ReadableFormat }): Promise<DiskInfo> {
  const { stdout } = await run('qemu-img', infoArgs(file), { limits: toLook }).catch((error: unknown) => {
    throw unreadable(error);
  });
  return parseInfo(stdout);
}

/** The first bytes of the disk in an image, as its guest would read them, within limits; `to` is a temporary file. */
export async function diskStart({
  path,
  format,
  bytes,
  to,
}: {
  readonly path: string;
  readonly format: QemuFormat;
  readonly bytes: number;
  readonly to: string;
}): Promise<Buffer> {
  try {
    await run('qemu-img', startArgs({ path, format, to, bytes }), { limits: toLook });
    return await readFile(to);
  } finally {
    await rm(to, { force: true });
  }
}

/** Makes an empty overlay over a file, whose header it reads, within limits. */
export async function createOverlay(overlay: Parameters<typeof createOverlayArgs>[0]): Promise<void> {
  await run('qemu-img', createOverlayArgs(overlay), { limits: toLook });
}

/** Makes an empty disk of its own. */
export async function createDisk(disk: Parameters<typeof createDiskArgs>[0]): Promise<void> {
  await run('qemu-img', createDiskArgs(disk));
}

/** Walks the tables of an image, within limits. Raises `ImageUnacceptable` when they are not whole; leaked clusters pass. */
export async function checkDisk({
  path,
  format,
  sizeBytes,
}: {
  readonly path: string;
  readonly format: 'qcow2' | 'vmdk';
  readonly sizeBytes: number;
}): Promise<void> {
  try {
    await run('qemu-img', checkArgs({ path, format }), { limits: toWalk(sizeBytes) });
  } catch (error) {
    if (error instanceof CommandFailed && error.exitCode === checkExit.leaks) return;
    throw unreadable(error);
  }
}

/** What all that a disk has takes, its base included and its zeros not. Raises `ImageUnacceptable`. */
export async function dataBytesOf({ path, format }: { readonly path: string; readonly format: QemuFormat }): Promise<number> {
  const { stdout } = await run('qemu-img', measureArgs({ path, format }), { limits: toLook }).catch((error: unknown) => {
    throw unreadable(error);
  });
  return parseMeasured(stdout);
}

/**
 * Writes all of an image into a new file of another format or none of its allocation, and flushes it, within limits; says
 * how far it is as `step`. What lay at `to` is replaced: it is a temporary name. Raises `DiskSpaceLow`, `ImageUnacceptable`.
 */
export async function convertDisk({
  step,
  from,
  fromFormat,
  to,
  toFormat,
  virtualSizeBytes: totalBytes,
  isCompressed = false,
  isScratch = false,
}: {
  readonly step: string;
  readonly from: string;
  readonly fromFormat: ReadableFormat;
  readonly to: string;
  readonly toFormat: QemuFormat;
  readonly virtualSizeBytes: number;
  readonly isCompressed?: boolean;
  /** Whether a power loss may take it: it is not flushed. */
  readonly isScratch?: boolean;
}): Promise<void> {
  const onOutput = tellsShare(step, totalBytes);
  try {
    // The page cache serves what the image is copied or read for next.
    const args = convertArgs({ from, fromFormat, to, toFormat, cache: isScratch ? 'unsafe' : 'writeback', isCompressed });
    await run('qemu-img', args, { limits: toWalk(isCompressed ? 4 * totalBytes : totalBytes), onOutput });
  } catch (error) {
    throw (await isFull(dirname(to))) ? fail('DiskSpaceLow', `${dirname(to)} has no room for ${to}`) : unreadable(error);
  }
}

/** Tells as `step` what share of a disk qemu-img says to have done, from the text that it prints. */
export function tellsShare(step: string, totalBytes: number): (printed: string) => void {
  const tell = (share: number) => tellProgress({ step, doneBytes: Math.round(share * totalBytes), totalBytes });
  tell(0);
  return (printed) => {
    const share = doneShareIn(printed);
    if (share !== null) tell(share);
  };
}

/** Time for a disk of 8 MiB a second, and for a CPU that unpacks 16 MiB a second; to pack takes four times as long. */
function toWalk(bytes: number): Limits {
  const gib = bytes / GiB;
  return { cpuSeconds: Math.ceil(60 + 64 * gib), wallSeconds: Math.ceil(300 + 128 * gib), addressSpaceBytes: 2 * GiB };
}

/** qemu-img tells no errno, and its words are not for programs: a full disk is looked at. */
async function isFull(directory: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize < leastFreeBytes;
}

/** A file that qemu-img gives up on is at fault itself; a qemu-img that was killed, or is not there, is not. */
function unreadable(error: unknown): unknown {
  if (!(error instanceof CommandFailed)) return error;
  const { reached, exitCode, message } = error;
  if (reached !== null) return fail('ImageUnacceptable', `qemu-img was ended at its limit of ${reached}: ${message}`);
  return exitCode === checkExit.broken || exitCode === checkExit.corrupt
    ? fail('ImageUnacceptable', `qemu-img cannot read the image: ${message}`)
    : error;
}
