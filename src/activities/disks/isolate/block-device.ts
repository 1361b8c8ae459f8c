import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import type { DeviceIdentity } from '../../../model/device-claim.ts';
import { errnoOf } from '../../failures.ts';
import { run } from '../../run.ts';

const signatures = z.object({ signatures: z.array(z.object({ type: z.string() })) });

/** The kernel counts sectors of 512 bytes whatever the drive has. */
const sectorBytes = 512;

/** What the kernel says of the whole device at `path`; null when there is none. */
export async function identityOf(path: string): Promise<DeviceIdentity | null> {
  const directory = await sysfsOf(path);
  const sectors = directory === null ? null : await textIn(directory, 'size');
  if (directory === null || sectors === null || sectors === '0') return null; // a loop device without a file has no sectors
  const serials = await Promise.all(['serial', 'device/serial', 'wwid', 'device/wwid'].map((name) => textIn(directory, name)));
  return {
    sizeBytes: Number(sectors) * sectorBytes,
    serial: serials.find((serial) => serial !== null && serial !== '') ?? null,
    backingFile: await textIn(directory, 'loop/backing_file'),
  };
}

/** Why nobody may be given the device, or null: who has it. */
export async function whyInUse(path: string): Promise<string | null> {
  const directory = await sysfsOf(path);
  if (directory === null) return 'is not there';
  const holders = await readdir(`${directory}/holders`);
  if (holders.length > 0) return `is held by ${holders.join(', ')}`;
  const device = await openAlone(path);
  await device?.close();
  return device === null ? 'is mounted, or another program has it for itself' : null;
}

/** What the device carries: the types of partition tables, file systems and volumes. */
export async function signaturesOn(path: string): Promise<readonly string[]> {
  const { stdout } = await run('wipefs', ['--no-act', '--json', '--', path]);
  return stdout === '' ? [] : signatures.parse(JSON.parse(stdout)).signatures.map(({ type }) => type);
}

/** Does `work` while nobody can mount the device or take it for itself. Raises an error when somebody has. */
export async function alone<T>(path: string, work: () => Promise<T>): Promise<T> {
  const device = await openAlone(path);
  if (device === null) throw new Error(`${path} is mounted, or another program has it for itself`);
  try {
    return await work();
  } finally {
    await device.close();
  }
}

async function openAlone(path: string): Promise<FileHandle | null> {
  return open(path, constants.O_RDWR | constants.O_EXCL).catch((error: unknown) => {
    if (errnoOf(error) === 'EBUSY') return null;
    throw error;
  });
}

/** Only whole devices have a directory here: a partition has its own below that of its disk. */
async function sysfsOf(path: string): Promise<string | null> {
  try {
    return await realpath(`/sys/block/${basename(await realpath(path))}`);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function textIn(directory: string, name: string): Promise<string | null> {
  return readFile(`${directory}/${name}`, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}
