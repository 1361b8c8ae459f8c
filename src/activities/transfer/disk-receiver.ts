import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Disk } from '../../model/instance.ts';
import { qemuFormatOf } from '../../model/qemu-format.ts';
import { createDiskArgs } from '../../qemu/img.ts';
import { type OwnDisk, pidFileArg, type ServedDisk, serveArgs } from '../../qemu/nbd.ts';
import { freePort } from '../free-port.ts';
import { isThere } from '../is-there.ts';
import { fail } from '../record-client.ts';
import { inheritedDescriptors, run } from '../run.ts';
import { pkiOfQemu } from './certificate.ts';
import { endReceiver, isSamePurpose, type Purpose, pidFileOf, readNote, receiverProcess, writeNote } from './places.ts';

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

/** The largest block of a device that takes what passes the page cache by. */
const pageBytes = 4096;

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
  if (note !== null && isSamePurpose(note.purpose, purpose) && (await receiverProcess(transfers, disk.name)) !== null) {
    return at(config, note.port, disk, purpose);
  }
  await endReceiver(transfers, disk.name);
  const partial = partialOf(directory, disk);
  if (partial !== null) await makeEmpty(directory, disk, partial, sizeBytes);
  const port = await freePort(config.transferPorts, 'transferPorts', config.host.address);
  const pidFile = pidFileOf(transfers, disk.name);
  await writeNote(transfers, disk.name, { purpose, port, partial, argument: pidFileArg(pidFile), endedBy: 'SIGTERM' });
  const served = at(config, port, disk, purpose);
  const own = ownDisk(directory, disk);
  const isCached = own.format === 'raw' && sizeBytes % pageBytes !== 0;
  const args = serveArgs({ pidFile, pkiDirectory: pkiOfQemu(config), client, disk: own, isCached, at: served });
  // It goes on when the step is over: the locks of the step are not for it.
  await inheritedDescriptors.run([], () => run('qemu-nbd', args));
  return served;
}

/** The disk of an instance as QEMU's tools are told of it, under the name it has while it comes over. */
export function ownDisk(directory: string, disk: Disk): OwnDisk {
  const partial = partialOf(directory, disk);
  return { path: partial ?? deviceOf(disk), format: qemuFormatOf(disk.format), isDevice: partial === null };
}

/** Where a disk is written that becomes a file; null: it is a device. */
export function partialOf(directory: string, { name, device }: Disk): string | null {
  return device === undefined ? `${join(directory, name)}.partial` : null;
}

function deviceOf({ name, device }: Disk): string {
  if (device === undefined) throw new TypeError(`${name} is no device`);
  return device;
}

async function makeEmpty(directory: string, disk: Disk, partial: string, sizeBytes: number): Promise<void> {
  if (await isThere(join(directory, disk.name))) {
    throw fail('DestinationDiskExists', `${join(directory, disk.name)} is there already: another operation left it`);
  }
  await rm(partial, { force: true });
  if (qemuFormatOf(disk.format) === 'qcow2') {
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
  return { address: host.address, port, exportName: `${disk.name}.${runId}.${generation}.${attempt}`, comparesBy: 'gmac' };
}
