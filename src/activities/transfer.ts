import { statfs } from 'node:fs/promises';
import { Context } from '@temporalio/activity';
import type { Config } from '../config.ts';
import type { Disk } from '../model/instance.ts';
import type { Token } from '../model/tenure.ts';
import type { ServedDisk } from '../qemu/nbd.ts';
import type { WhileHolding } from './holding.ts';
import { fail } from './record-client.ts';
import { requireCertificate } from './transfer/certificate.ts';
import { closeAll } from './transfer/close.ts';
import { formatOf, receiveDisk } from './transfer/disk-receiver.ts';
import { type Purpose, transferDirectory } from './transfer/places.ts';
import { sealDisk } from './transfer/seal-disk.ts';
import { aloneSending, endSending, sendDisk } from './transfer/send-disk.ts';

/** A disk of an instance that is off, and what becomes of it at another host. */
export interface DiskTransfer {
  readonly instanceId: string;
  /** As its source has it. */
  readonly disk: Disk;
  /** As it is to be at its destination, of the same size: without a backing file where it is made from one that has it. */
  readonly as: Disk;
}

export interface TransferActivities {
  /**
   * Serves the disk, empty, to host `client` and nobody else, until it is sealed or closed. What another attempt left is ended and
   * removed first. Raises `DestinationDiskExists`, `DiskSpaceLow` when the attempt before filled the disk, `MigrationPreCheckError`.
   */
  openDiskReceiver(input: DiskTransfer & { token: Token; client: string; attempt: number }): Promise<ServedDisk>;
  /** Ends all that receives something of the instance here, and removes what is not sealed. */
  closeReceivers(input: { token: Token; instanceId: string }): Promise<void>;
  /** Ends all that sends something of the instance from here. */
  stopSending(input: { token: Token; instanceId: string }): Promise<void>;
}

export interface TransferLongActivities {
  /**
   * Sends the disk, which lies in the instance's directory or in that of this suffix. Progress in bytes. An earlier attempt whose worker
   * died is ended. Raises `TransferBroken`. Repeatable.
   */
  sendDisk(input: DiskTransfer & { token: Token; from: '' | '_resize'; to: ServedDisk }): Promise<{ digest: string | null }>;
  /** Makes sure that the disk came over whole, syncs it and gives it its name. Raises `TransferBroken`. Repeatable. */
  sealDisk(input: DiskTransfer & { token: Token; digest: string | null }): Promise<void>;
}

/** Where less is left the disk is full: what qemu-nbd could not write it only tells the other end. */
const fullBytes = 4 * 1024 ** 2;

type TransferConfig = Pick<Config, 'host' | 'transferPorts' | 'transferSilenceSeconds' | 'pkiDir' | 'runDir'>;

/** Both ends of what goes from host to host. No step at the destination waits for one at the source: neither host's slots can keep the other's. */
export function transferActivities(
  whileHolding: WhileHolding,
  config: TransferConfig,
): { quick: TransferActivities; long: TransferLongActivities } {
  const transfersOf = (instanceId: string) => transferDirectory(config.runDir, instanceId);
  const quick: TransferActivities = {
    openDiskReceiver: ({ token, instanceId, disk: { sizeBytes }, as, client, attempt }) =>
      whileHolding(instanceId, token, async (directory) => {
        await requireCertificate(config);
        if (attempt > 1) await requireRoom(directory);
        const incoming = { directory, transfers: transfersOf(instanceId), disk: as, sizeBytes };
        return receiveDisk(config, incoming, { purpose: purposeOf(token, attempt), client });
      }),
    closeReceivers: ({ token, instanceId }) => whileHolding(instanceId, token, () => closeAll(transfersOf(instanceId))),
    stopSending: ({ token, instanceId }) => whileHolding(instanceId, token, () => endSending(transfersOf(instanceId))),
  };
  const long: TransferLongActivities = {
    sendDisk: ({ token, instanceId, disk, as, from, to }) =>
      whileHolding(instanceId, token, (directory) =>
        aloneSending(transfersOf(instanceId), disk.name, async () => ({
          digest: await sendDisk(config, {
            name: disk.name,
            from: { path: disk.device ?? `${directory}${from}/${disk.name}`, format: formatOf(disk), isDevice: disk.device !== undefined },
            to,
            toFormat: formatOf(as),
            toDevice: as.device !== undefined,
            sizeBytes: disk.sizeBytes,
          }),
        })),
      ),
    sealDisk: ({ token, instanceId, disk: { sizeBytes }, as, digest }) =>
      whileHolding(instanceId, token, (directory) =>
        sealDisk({ directory, transfers: transfersOf(instanceId), disk: as, sizeBytes, digest }),
      ),
  };
  return { quick, long };
}

async function requireRoom(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < fullBytes) throw fail('DiskSpaceLow', `${directory} has ${bavail * bsize} bytes left: the disk has no room there`);
}

function purposeOf({ run, generation }: Token, attempt: number): Purpose {
  return { workflowId: Context.current().info.workflowExecution?.workflowId ?? '', run, generation, attempt };
}
