import { chown, open } from 'node:fs/promises';
import { EXT_START_BYTES, extFileSystemIn } from '../images/ext-superblock.ts';
import { type Confined, confinedDisk, confinedUser, runConfined } from './confined.ts';
import { CommandFailed } from './failures.ts';
import type { Limits } from './run.ts';

/** What became of a file system: it was none that can grow, it fills its disk now, or it was given up, and why. */
export type Growth = { readonly kind: 'none' | 'grown' } | { readonly kind: 'given up'; readonly why: string };

/** `e2fsck -fp`: nothing to do, mended, mended and to be mounted anew. */
const soundCodes: ReadonlySet<number | null> = new Set([0, 1, 2]);
const done: ReadonlySet<number | null> = new Set([0]);

/**
 * Whether a raw disk of `sizeBytes` begins with an ext file system that leaves part of it unused. Only our own few lines
 * read it: nothing probes a disk that somebody imported.
 */
export async function canGrow(path: string, sizeBytes: number): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(EXT_START_BYTES), 0, EXT_START_BYTES, 0);
    const found = extFileSystemIn(buffer.subarray(0, bytesRead));
    return found !== null && found.sizeBytes < sizeBytes;
  } finally {
    await file.close();
  }
}

/**
 * Grows the ext file system that fills a raw disk from its first byte to the disk's size, by programs that are confined
 * because they read what a stranger made. The file has to be private and temporary: a growth that is given up leaves it
 * half changed, and its maker makes it anew without. Never mounts anything.
 */
export async function growFileSystem(path: string, sizeBytes: number, limits = limitsFor(sizeBytes)): Promise<Growth> {
  if (!(await canGrow(path, sizeBytes))) return { kind: 'none' };
  await chown(path, confinedUser, confinedUser);
  try {
    const bounds = { ...limits, fileBytes: sizeBytes };
    const why = (await problemOf(path, bounds, 'e2fsck', ['-fp'], soundCodes)) ?? (await problemOf(path, bounds, 'resize2fs', [], done));
    return why === null ? { kind: 'grown' } : { kind: 'given up', why };
  } finally {
    await chown(path, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  }
}

/** Why a program did not do its work on the disk, or null. */
async function problemOf(
  disk: string,
  limits: Confined['limits'],
  file: string,
  options: readonly string[],
  good: ReadonlySet<number | null>,
): Promise<string | null> {
  try {
    await runConfined({ file, args: [...options, confinedDisk], disk, limits });
    return null;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    if (error.reached !== null) return `${file} took more time than it may`;
    return good.has(error.exitCode) ? null : `${file} ended with ${error.exitCode}: ${error.said}`;
  }
}

/** Both programs read what describes the files, not the files: an empty disk of 1 TiB takes them a few seconds. */
function limitsFor(sizeBytes: number): Limits {
  const gib = sizeBytes / 1024 ** 3;
  return { cpuSeconds: Math.ceil(30 + gib / 4), wallSeconds: Math.ceil(120 + gib), addressSpaceBytes: 1024 ** 3 };
}
