import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Disk } from '../model/instance.ts';
import { qemuFormatOf } from '../model/qemu-format.ts';
import type { Token } from '../model/tenure.ts';
import type { ServedDisk } from '../qemu/nbd.ts';
import { allocatedBytes } from './allocated.ts';
import type { DeviceArrivals } from './disks/device-arrivals.ts';
import type { DeviceKeeper } from './disks/device-keeper.ts';
import type { WhileHolding } from './holding.ts';
import { namesIn } from './names-in.ts';
import { asideOf } from './resize/aside.ts';
import { aloneSending, endSending } from './transfer/alone.ts';
import { requireCertificate } from './transfer/certificate.ts';
import { closeAll } from './transfer/close.ts';
import { receiveDisk } from './transfer/disk-receiver.ts';
import { type FileReceiver, filesName } from './transfer/file-receiver.ts';
import { type ExpectedFiles, openForFiles, requirePlain } from './transfer/open-for-files.ts';
import { purposeOf, requireRoom } from './transfer/opening.ts';
import { transferDirectory } from './transfer/places.ts';
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

/** How a source sends its files. */
export interface FileKey {
  /** By which it is known to who takes them by rsync; null: it has little to send, or no rsync, and sends them by HTTPS. */
  readonly publicKey: string | null;
}

export interface TransferActivities {
  /**
   * Serves the disk, empty, to host `client` and nobody else, until it is sealed or closed. What another attempt left is ended and
   * removed first. Raises `DestinationDiskExists`, `DiskSpaceLow` when the attempt before filled the disk, `MigrationPreCheckError`,
   * `DeviceDiffers`.
   */
  openDiskReceiver(input: DiskTransfer & { token: Token; client: string; attempt: number }): Promise<ServedDisk>;
  /**
   * Makes a key for the files that the instance's operation sends from here; it stays here. None where they are so few that a connection by
   * ssh would take longer than they do. The same again is the same.
   */
  makeFileKey(input: { token: Token; instanceId: string }): Promise<FileKey>;
  /**
   * Has something that takes files of the instance from host `client`, and nothing else, until they are sealed or closed: an sshd for this
   * key, or a listener of this worker. What an earlier attempt of the operation brought by rsync is kept, to be gone on with. Raises
   * `DestinationDiskExists`, `DiskSpaceLow` as `openDiskReceiver` does, `MigrationPreCheckError`.
   */
  openFileReceiver(input: ExpectedFiles & { token: Token }): Promise<FileReceiver>;
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
  /** Sends the files, as `sendDisk` does a disk, and removes a key that it did not use. (What is called `files` in a history is a secret of a request.) */
  sendFiles(input: FileTransfer & { token: Token; from: '' | '_resize'; to: FileReceiver }): Promise<{ sent: readonly SentFile[] }>;
  /** As `sealDisk`. */
  sealFiles(input: FileTransfer & { token: Token; sent: readonly SentFile[] }): Promise<void>;
}

/** What is not more than this goes by HTTPS in less than it takes to connect by ssh and to go on with what came half. */
const littleBytes = 64 * 1024 ** 2;

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
    makeFileKey: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async (directory) => ({
        publicKey: await makeFileKey(transfersOf(instanceId), async () => (await bytesOf(directory)) > littleBytes),
      })),
    openFileReceiver: ({ token, ...expected }) =>
      whileHolding(expected.instanceId, token, (directory) => openForFiles(config, directory, token, expected)),
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

/** What an instance has on this host, where it lies or is put aside while it moves; what is in directories of its own is small. */
async function bytesOf(directory: string): Promise<number> {
  const places = [directory, asideOf(directory)];
  const paths = await Promise.all(places.map(async (place) => (await namesIn(place)).map((name) => join(place, name))));
  const sizes = await Promise.all(paths.flat().map((path) => allocatedBytes(path).catch(() => 0)));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
