import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainState, type Libvirt, PausedReason } from '../../libvirt/index.ts';
import type { Disk } from '../../model/instance.ts';
import { liveCopyPaths } from '../../model/live-copy.ts';
import { snapshotsDirectory } from '../../model/snapshot.ts';
import { fail } from '../fail.ts';
import { guestOf, isOff, unlessStopped } from '../guest.ts';
import { namesIn } from '../names-in.ts';
import { blockCopyOf } from './block-copy.ts';
import { thawIfFrozen } from './quiesce.ts';

/** A disk in a snapshot that is being made of it. */
export interface Snapped {
  readonly instanceId: string;
  /** The instance's directory, while it is held. */
  readonly directory: string;
  readonly disk: Disk;
  /** The image that is made. */
  readonly imageId: string;
}

/**
 * Leaves nothing of snapshots that are over, whose operation was terminated: their guest is thawed, their copy ended, their files
 * removed. Raises `DomainStateConflict` when the disk has a job that is not of ours: nothing can be done beside it.
 */
export async function clearOver(libvirt: Libvirt, { instanceId, directory, disk: { target }, imageId }: Snapped): Promise<void> {
  const over = (await namesIn(join(directory, snapshotsDirectory))).filter((id) => id !== imageId);
  for (const id of over) await thawIfFrozen(libvirt, instanceId, liveCopyPaths(directory, id).frozen);
  if (!isOff(await guestOf(libvirt, instanceId).state())) {
    const job = blockCopyOf(libvirt, instanceId, target);
    const owner = await job.owner(directory, imageId);
    if (owner === 'others')
      throw fail('DomainStateConflict', `${target} has a block job that is not of a snapshot of ours: wait until it ends`);
    if (owner === 'over') await job.end();
  }
  for (const id of over) await rm(join(directory, snapshotsDirectory, id), { recursive: true, force: true });
}

/** Thaws the guest, ends the copy that this snapshot makes, and removes what it copied. Right whatever there is. */
export async function clearOwn(libvirt: Libvirt, { instanceId, directory, disk: { target }, imageId }: Snapped): Promise<void> {
  const { partial, copy, frozen } = liveCopyPaths(directory, imageId);
  await thawIfFrozen(libvirt, instanceId, frozen);
  if (!isOff(await guestOf(libvirt, instanceId).state())) {
    const job = blockCopyOf(libvirt, instanceId, target);
    if ((await job.owner(directory, imageId)) === 'us') await job.end();
  }
  for (const path of [partial, copy]) await rm(path, { force: true });
  await runOn(libvirt, instanceId);
}

/** A guest that found no room on its disk stands still, and QEMU tries again what it could not write once it runs on. */
async function runOn(libvirt: Libvirt, uuid: string): Promise<void> {
  const dom = { uuid };
  if (isOff(await guestOf(libvirt, uuid).state())) return;
  const { state, reason } = await libvirt.domainGetState({ dom });
  if (state === DomainState.paused && reason === PausedReason.ioError) await unlessStopped(libvirt.domainResume({ dom }));
}
