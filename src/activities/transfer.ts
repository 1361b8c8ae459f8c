import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { Config } from '../config.ts';
import type { Disk } from '../model/instance.ts';
import { qemuFormatOf } from '../model/qemu-format.ts';
import type { Token } from '../model/tenure.ts';
import type { ServedDisk } from '../qemu/nbd.ts';
import type { DeviceKeeper } from './disks/device-keeper.ts';
import type { DeviceArrivals } from './disks/isolate/arrivals.ts';
import type { WhileHolding } from './holding.ts';
import { isThere } from './is-there.ts';
import { fail } from './record-client.ts';
import { aloneSending, endSending } from './transfer/alone.ts';
import { requireCertificate } from './transfer/certificate.ts';
import { closeAll } from './transfer/close.ts';
import { receiveDisk } from './transfer/disk-receiver.ts';
import { type FileReceiver, filesName, receiveFiles } from './transfer/file-receiver.ts';
import { type Purpose, transferDirectory } from './transfer/places.ts';
import { sealDisk } from './transfer/seal-disk.ts';
import { sealFiles } from './transfer/seal-files.ts';
import { sendDisk } from './transfer/send-disk.ts';
import { forgetKey, makeFileKey, type SentFile, sendFiles } from './transfer/send-files.ts';

/** A disk of an instance that is off, and what becomes of it at another host. */
export interface DiskTransfer {
  readonly instanceId: string;
  /** As its source has it. */
  readonly disk: Disk;
  /** As it is to be at its destination, of the same size: without a backing file where it is made from one that has it. */
  readonly as: Disk;
}

/** Files and directories of an instance that is off, by their names in its directory. */
export interface FileTransfer {
  readonly instanceId: string;
  readonly names: readonly string[];
}

/** By what a source is known to who takes its files. */
export interface FileKey {
  readonly publicKey: string;
  readonly hasRsync: boolean;
}

export interface TransferActivities {
  /**
   * Serves the disk, empty, to host `client` and nobody else, until it is sealed or closed. What another attempt left is ended and
   * removed first. Raises `DestinationDiskExists`, `DiskSpaceLow` when the attempt before filled the disk, `MigrationPreCheckError`,
   * `DeviceDiffers`.
   */
  openDiskReceiver(input: DiskTransfer & { token: Token; client: string; attempt: number }): Promise<ServedDisk>;
  /** Makes a key for the files that the instance's operation sends from here; it stays here. The same again is the same. */
  makeFileKey(input: { token: Token; instanceId: string }): Promise<FileKey>;
  /**
   * Has an sshd that takes files of the instance with this key, and nothing else, until they are sealed or closed. What an earlier attempt
   * of the operation brought is kept, to be gone on with. Raises `DestinationDiskExists`, `DiskSpaceLow` as `openDiskReceiver` does.
   */
  openFileReceiver(input: FileTransfer & FileKey & { token: Token; attempt: number }): Promise<FileReceiver>;
  /** Ends all that receives something of the instance here, and removes what is not sealed. */
  closeReceivers(input: { token: Token; instanceId: string }): Promise<void>;
  /** Ends all that sends something of the instance from here, and removes the key. */
  stopSending(input: { token: Token; instanceId: string }): Promise<void>;
}

export interface TransferLongActivities {
  /**
   * Sends the disk, which lies in the instance's directory or in that of this suffix. Progress in bytes. An earlier attempt whose worker
   * died is ended. Raises `TransferBroken`, `DeviceDiffers`. Repeatable.
   */
  sendDisk(input: DiskTransfer & { token: Token; from: '' | '_resize'; to: ServedDisk }): Promise<{ digest: string | null }>;
  /** Makes sure that the disk came over whole, syncs it and gives it its name. Raises `TransferBroken`, `DeviceDiffers`. Repeatable. */
  sealDisk(input: DiskTransfer & { token: Token; digest: string | null }): Promise<void>;
  /** Sends the files, as `sendDisk` does a disk. (What is called `files` in a history is a secret of a request.) */
  sendFiles(input: FileTransfer & { token: Token; from: '' | '_resize'; to: FileReceiver }): Promise<{ sent: readonly SentFile[] }>;
  /** As `sealDisk`. */
  sealFiles(input: FileTransfer & { token: Token; sent: readonly SentFile[] }): Promise<void>;
}

/** Where less is left the disk is full: what qemu-nbd could not write it only tells the other end. */
const fullBytes = 4 * 1024 ** 2;

type TransferConfig = Pick<Config, 'host' | 'transferPorts' | 'transferSilenceSeconds' | 'pkiDir' | 'runDir'>;

/** Both ends of what goes from host to host. No step at the destination waits for one at the source: neither host's slots can keep the other's. */
export function transferActivities(
  whileHolding: WhileHolding,
  devices: Pick<DeviceKeeper, 'check'> & Pick<DeviceArrivals, 'begin' | 'finish'>,
  config: TransferConfig,
): { quick: TransferActivities; long: TransferLongActivities } {
  const transfersOf = (instanceId: string) => transferDirectory(config.runDir, instanceId);
  const quick: TransferActivities = {
    openDiskReceiver: ({ token, instanceId, disk: { sizeBytes }, as, client, attempt }) =>
      whileHolding(instanceId, token, async (directory) => {
        await requireCertificate(config);
        if (as.device !== undefined) await devices.begin(instanceId, as);
        else if (attempt > 1) await requireRoom(directory);
        const incoming = { directory, transfers: transfersOf(instanceId), disk: as, sizeBytes };
        return receiveDisk(config, incoming, { purpose: purposeOf(token, attempt), client });
      }),
    makeFileKey: ({ token, instanceId }) => whileHolding(instanceId, token, () => makeFileKey(transfersOf(instanceId))),
    openFileReceiver: ({ token, instanceId, names, publicKey, hasRsync, attempt }) =>
      whileHolding(instanceId, token, async (directory) => {
        requirePlain(names);
        if (attempt > 1) await requireRoom(directory);
        await requireAbsent(directory, names);
        const where = { directory, transfers: transfersOf(instanceId) };
        return receiveFiles(config, where, { purpose: purposeOf(token, attempt), publicKey, hasRsync });
      }),
    closeReceivers: ({ token, instanceId }) => whileHolding(instanceId, token, () => closeAll(transfersOf(instanceId))),
    stopSending: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async () => {
        await endSending(transfersOf(instanceId));
        await forgetKey(transfersOf(instanceId));
      }),
  };
  const long: TransferLongActivities = {
    sendDisk: ({ token, instanceId, disk, as, from, to }) =>
      whileHolding(instanceId, token, async (directory) => {
        if (disk.device !== undefined) await devices.check(instanceId);
        return aloneSending(transfersOf(instanceId), disk.name, async () => ({
          digest: await sendDisk(config, {
            name: disk.name,
            from: {
              path: disk.device ?? `${directory}${from}/${disk.name}`,
              format: qemuFormatOf(disk.format),
              isDevice: disk.device !== undefined,
            },
            to,
            toFormat: qemuFormatOf(as.format),
            toDevice: as.device !== undefined,
            sizeBytes: disk.sizeBytes,
          }),
        }));
      }),
    sealDisk: ({ token, instanceId, disk: { sizeBytes }, as, digest }) =>
      whileHolding(instanceId, token, async (directory) => {
        await sealDisk({ directory, transfers: transfersOf(instanceId), disk: as, sizeBytes, digest });
        if (as.device !== undefined) await devices.finish(instanceId, as);
      }),
    sendFiles: ({ token, instanceId, names, from, to }) =>
      whileHolding(instanceId, token, (directory) => {
        requirePlain(names);
        const transfers = transfersOf(instanceId);
        return aloneSending(transfers, filesName, async () => ({
          sent: await sendFiles(config, { transfers, directory: `${directory}${from}`, names, to }),
        }));
      }),
    sealFiles: ({ token, instanceId, names, sent }) =>
      whileHolding(instanceId, token, (directory) => sealFiles({ directory, transfers: transfersOf(instanceId), names, sent })),
  };
  return { quick, long };
}

/** Names in a directory, and none that a command could take for something else. */
function requirePlain(names: readonly string[]): void {
  const strange = names.filter((name) => !/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name));
  if (strange.length > 0) throw new TypeError(`${strange.join(', ')} cannot be the name of an instance's file`);
}

async function requireAbsent(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (await isThere(join(directory, name))) {
      throw fail('DestinationDiskExists', `${join(directory, name)} is there already: another operation left it`);
    }
  }
}

async function requireRoom(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < fullBytes) throw fail('DiskSpaceLow', `${directory} has ${bavail * bsize} bytes left: the disk has no room there`);
}

function purposeOf({ run, generation }: Token, attempt: number): Purpose {
  return { workflowId: Context.current().info.workflowExecution?.workflowId ?? '', run, generation, attempt };
}
