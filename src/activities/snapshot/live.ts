import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { log } from '@temporalio/activity';
import type { Libvirt } from '../../libvirt/index.ts';
import type { Disk } from '../../model/instance.ts';
import { liveCopyPaths } from '../../model/live-copy.ts';
import { qemuFormatOf } from '../../model/qemu-format.ts';
import type { Token } from '../../model/tenure.ts';
import { whyNoRoom } from '../disks/space.ts';
import { fail } from '../fail.ts';
import { faultPoint } from '../fault-hook.ts';
import { guestOf, isOff } from '../guest.ts';
import type { WhileHolding } from '../holding.ts';
import { isThere } from '../is-there.ts';
import { createDisk, createOverlay, dataBytesOf, diskInfo } from '../qemu-img.ts';
import { renameDurably } from '../rename-durably.ts';
import { type BlockCopyJob, blockCopyOf } from './block-copy.ts';
import { clearOwn, type Snapped } from './leftovers.ts';
import { quiesceOf, thawIfFrozen } from './quiesce.ts';

export interface LiveCopyInput {
  readonly token: Token;
  readonly instanceId: string;
  /** The root disk. */
  readonly disk: Disk;
  /** The image that is made. */
  readonly imageId: string;
}

export interface LiveCopy {
  readonly format: 'qcow2';
  /** Of the disk that is in it. */
  readonly sizeBytes: number;
  /** Why the file systems were not frozen though the guest has a channel to an agent, or null. */
  readonly warning: string | null;
}

export interface LiveSnapshotActivities {
  /** The guest is thawed, its disk is not copied any more, and nothing of the copy is left. Right whatever there is. Repeatable. */
  endLive(input: LiveCopyInput): Promise<void>;
}

export interface LiveSnapshotLongActivities {
  /**
   * Copies the disk of a running guest as it is at one moment, its file systems frozen for that moment by its agent where it has one.
   * Leaves `snapshots/<imageId>/copy`, which nobody has open, and no job. A copy that runs is gone on with: QEMU makes it, whatever
   * becomes of this worker and of libvirtd. Progress in bytes. Raises `DiskSpaceLow`, `GuestNotQuiesced`, and `DomainStateConflict`
   * when the guest ended. Repeatable.
   */
  copyLive(input: LiveCopyInput & { readonly mustQuiesce: boolean }): Promise<LiveCopy>;
}

/** What stays free whatever a snapshot takes. */
const reserveBytes = 32 * 1024 ** 2;
/** A copy that failed where less is left failed for want of it: QEMU writes clusters, and tables of them. */
const leastRoomBytes = 4 * 1024 ** 2;

export function liveSnapshotActivities(libvirt: Libvirt, whileHolding: WhileHolding): LiveSnapshotActivities & LiveSnapshotLongActivities {
  return {
    copyLive: ({ token, instanceId, disk, imageId, mustQuiesce }) =>
      whileHolding(instanceId, token, async (directory) => {
        const { partial, copy, frozen } = liveCopyPaths(directory, imageId);
        await thawIfFrozen(libvirt, instanceId, frozen);
        if (await isThere(copy)) return await made(copy, null);

        const quiesce = quiesceOf(libvirt, instanceId, frozen, mustQuiesce);
        const job = blockCopyOf(libvirt, instanceId, disk.target);
        await requireOn(instanceId);
        if ((await job.owner(directory, imageId)) !== 'us') {
          await quiesce.requireAgent();
          await begin({ instanceId, directory, disk, imageId }, job);
        }
        using running = await job.follow();
        await faultPoint('copying');
        if (!(await running.whenReady())) throw await whyEnded(instanceId, directory);
        const warning = await quiesce.during(running.complete);
        if (!(await running.isWhole())) throw await whyEnded(instanceId, directory);
        await renameDurably(partial, copy);
        if (warning !== null) log.warn('a snapshot was taken without freezing the guest', { instanceId, warning });
        return await made(copy, warning);
      }),

    endLive: ({ token, instanceId, disk, imageId }) =>
      whileHolding(instanceId, token, (directory) => clearOwn(libvirt, { instanceId, directory, disk, imageId })),
  };

  /** Makes the file that QEMU copies into, as large as the disk is by now, and begins. */
  async function begin({ instanceId, directory, disk, imageId }: Snapped, job: BlockCopyJob): Promise<void> {
    const { partial: path } = liveCopyPaths(directory, imageId);
    const { base } = await job.disk();
    const { capacity } = await libvirt.domainGetBlockInfo({ dom: { uuid: instanceId }, path: disk.target });
    const sizeBytes = Number(capacity);
    await requireRoom(directory, disk, sizeBytes);
    await mkdir(dirname(path), { recursive: true });
    await rm(path, { force: true });
    if (base === null) await createDisk({ format: 'qcow2', path, sizeBytes });
    else await createOverlay({ base: base.path, baseFormat: base.format, path, sizeBytes });
    await faultPoint('halfway');
    await job.begin(path, base !== null);
  }

  async function requireOn(uuid: string): Promise<void> {
    const guest = guestOf(libvirt, uuid);
    if (isOff(await guest.state())) throw ended();
    await guest.requireOurs();
  }

  /** Why a copy ended that nobody ended; libvirt tells it to its log alone. */
  async function whyEnded(uuid: string, directory: string): Promise<Error> {
    if (isOff(await guestOf(libvirt, uuid).state())) return ended();
    const problem = await whyNoRoom(directory, leastRoomBytes);
    if (problem !== null) return fail('DiskSpaceLow', `the copy of the disk found no room: ${problem}`);
    return new Error('QEMU gave the copy of the disk up: the log of its host says why');
  }
}

/** For what is copied, for the image that is made of it, and something to spare: a guest that finds no room on its disk stands still. */
async function requireRoom(directory: string, { name, device, format }: Disk, sizeBytes: number): Promise<void> {
  const path = device ?? join(directory, name);
  const { size, blocks } = await stat(path);
  const ownBytes = device === undefined ? Math.min(blocks * 512, size) : sizeBytes; // of a device nobody knows what is empty
  const imageBytes = await dataBytesOf({ path, format: qemuFormatOf(format) });
  const problem = await whyNoRoom(directory, ownBytes + imageBytes + reserveBytes);
  if (problem !== null) throw fail('DiskSpaceLow', problem);
}

async function made(path: string, warning: string | null): Promise<LiveCopy> {
  const { virtualSizeBytes: sizeBytes } = await diskInfo({ path, format: 'qcow2' });
  return { format: 'qcow2', sizeBytes, warning };
}

function ended(): Error {
  return fail('DomainStateConflict', 'the guest is off: it ended before its disk was copied');
}
