import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Disk } from '../../model/instance.ts';
import { createDiskArgs, type QemuFormat } from '../../qemu/img.ts';
import { type OwnDisk, pidFileArg, type ServedDisk, serveArgs } from '../../qemu/nbd.ts';
import { freePort } from '../free-port.ts';
import { isThere } from '../is-there.ts';
import { fail } from '../record-client.ts';
import { inheritedDescriptors, run } from '../run.ts';
import { pkiOfQemu } from './certificate.ts';
import { endProcess, lastingProcess } from './lasting-process.ts';
import { forget, isSamePurpose, type Purpose, pidFileOf, readNote, writeNote } from './places.ts';

/** A disk as it comes to this host. */
export interface Incoming {
  /** The instance's directory. */
  readonly directory: string;
  /** What its transfers need while they go on. */
  readonly transfers: string;
  /** As it is to be here. */
  readonly disk: Disk;
  /** Of the disk at its source: it grows later. */
  readonly sizeBytes: number;
}

type ReceiverConfig = Pick<Config, 'host' | 'transferPorts' | 'pkiDir'>;

/**
 * Has a qemu-nbd that serves the disk, empty, to one host for one attempt of a transfer; one that runs for it already is joined, that of
 * an earlier attempt is ended. It outlives the worker, and no step waits for it: it is ended by who closes or seals the disk.
 */
export async function receiveDisk(
  config: ReceiverConfig,
  { directory, transfers, disk, sizeBytes }: Incoming,
  { purpose, client }: { readonly purpose: Purpose; readonly client: string },
): Promise<ServedDisk> {
  const note = await readNote(transfers, disk.name);
  if (note !== null && isSamePurpose(note.purpose, purpose) && (await serverOf(transfers, disk.name)) !== null) {
    return at(config, note.port, disk, purpose);
  }
  await endDiskServer(transfers, disk.name);
  const partial = partialOf(directory, disk);
  if (partial !== null) await makeEmpty(directory, disk, partial, sizeBytes);
  const port = await freePort(config.transferPorts, 'transferPorts', config.host.address);
  await writeNote(transfers, disk.name, { purpose, port, partial });
  const served = at(config, port, disk, purpose);
  const pidFile = pidFileOf(transfers, disk.name);
  const args = serveArgs({ pidFile, pkiDirectory: pkiOfQemu(config), client, disk: ownDisk(directory, disk), at: served });
  // It goes on when the step is over: the locks of the step are not for it.
  await inheritedDescriptors.run([], () => run('qemu-nbd', args));
  return served;
}

/** Ends the server of a disk, whichever attempt it was for. What it wrote stays. */
export async function endDiskServer(transfers: string, name: string): Promise<void> {
  const server = await serverOf(transfers, name);
  if (server !== null) await endProcess(server);
  await rm(pidFileOf(transfers, name), { force: true });
}

/** Ends the server and forgets it. */
export async function forgetDiskServer(transfers: string, name: string): Promise<void> {
  await endDiskServer(transfers, name);
  await forget(transfers, name);
}

/** The disk of an instance as QEMU's tools are told of it, under the name it has while it comes over. */
export function ownDisk(directory: string, disk: Disk): OwnDisk {
  const partial = partialOf(directory, disk);
  return { path: partial ?? deviceOf(disk), format: formatOf(disk), isDevice: partial === null };
}

/** Where a disk is written that becomes a file; null: it is a device. */
export function partialOf(directory: string, { name, device }: Disk): string | null {
  return device === undefined ? `${join(directory, name)}.partial` : null;
}

/** What a disk's bytes are; all but qcow2 are the guest's own. */
export function formatOf({ format }: Pick<Disk, 'format'>): QemuFormat {
  return format === 'qcow2' ? 'qcow2' : 'raw';
}

function deviceOf({ name, device }: Disk): string {
  if (device === undefined) throw new TypeError(`${name} is no device`);
  return device;
}

function serverOf(transfers: string, name: string) {
  const pidFile = pidFileOf(transfers, name);
  return lastingProcess(pidFile, pidFileArg(pidFile));
}

async function makeEmpty(directory: string, disk: Disk, partial: string, sizeBytes: number): Promise<void> {
  if (await isThere(join(directory, disk.name))) {
    throw fail('DestinationDiskExists', `${join(directory, disk.name)} is there already: another operation left it`);
  }
  await rm(partial, { force: true });
  if (formatOf(disk) === 'qcow2') {
    await run('qemu-img', createDiskArgs({ format: 'qcow2', path: partial, sizeBytes }));
    return;
  }
  const file = await open(partial, 'wx', 0o600);
  try {
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}

function at({ host }: ReceiverConfig, port: number, disk: Disk, { run: runId, generation, attempt }: Purpose): ServedDisk {
  return { address: host.address, port, exportName: `${disk.name}.${runId}.${generation}.${attempt}` };
}
