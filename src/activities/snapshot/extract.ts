import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Libvirt } from '../../libvirt/index.ts';
import type { Disk } from '../../model/instance.ts';
import { qemuFormatOf } from '../../model/qemu-format.ts';
import type { SnapshotFormat } from '../../model/snapshot.ts';
import type { Token } from '../../model/tenure.ts';
import type { DeviceKeeper } from '../disks/device-keeper.ts';
import { whyNoRoom } from '../disks/space.ts';
import { faultPoint } from '../fault-hook.ts';
import { guestOf, isOff } from '../guest.ts';
import type { WhileHolding } from '../holding.ts';
import { inspectFile } from '../inspect.ts';
import { isThere } from '../is-there.ts';
import { convertDisk, dataBytesOf } from '../qemu-img.ts';
import { fail } from '../record-client.ts';
import { copyOfDisk, extractedImage, removeSnapshotFiles, snapshotPlace } from './files.ts';

/** What an image is read from: the disk itself, of a guest that is off; or a copy of it that was taken while the guest ran. */
export type SnapshotSource = { readonly of: 'disk'; readonly disk: Disk } | Copy;

interface Copy {
  readonly of: 'copy';
  readonly format: SnapshotFormat;
  /** Of the disk that is in it. */
  readonly sizeBytes: number;
}

/** A disk to be read. */
interface DiskFile {
  readonly path: string;
  readonly format: SnapshotFormat;
  readonly sizeBytes: number;
}

/** An image that is made from an instance, while the instance is held. */
export interface OfSnapshot {
  readonly token: Token;
  readonly instanceId: string;
  readonly imageId: string;
}

export interface ExtractActivities {
  /** Why there is no room for what would be extracted, or null. Changes nothing. */
  lookForSnapshotRoom(input: { token: Token; instanceId: string; disk: Disk }): Promise<{ readonly problem: string | null }>;
  /** Leaves nothing of the image in the instance's directory. Right when there is nothing. Repeatable. */
  removeSnapshot(input: OfSnapshot): Promise<void>;
}

export interface ExtractLongActivities {
  /**
   * Writes all that a disk has, its base included, into one file below the instance's directory (Nova's `snapshot_extract`). Progress in
   * bytes. Raises `DomainStateConflict` for the disk of a guest that runs, `DiskSpaceLow`, `DeviceDiffers`. Repeatable: what is whole is kept.
   */
  extractSnapshot(input: OfSnapshot & { source: SnapshotSource; format: SnapshotFormat; isCompressed: boolean }): Promise<void>;
  /** Compresses what was extracted. Progress in bytes. Raises `DiskSpaceLow`, `SnapshotLost`. Repeatable. */
  compressSnapshot(input: OfSnapshot & { format: SnapshotFormat }): Promise<void>;
}

export function extractActivities(
  libvirt: Libvirt,
  whileHolding: WhileHolding,
  devices: DeviceKeeper,
  { instancesDir }: Pick<Config, 'instancesDir'>,
): ExtractActivities & ExtractLongActivities {
  return {
    lookForSnapshotRoom: async ({ instanceId, disk }) => {
      const directory = join(instancesDir, instanceId);
      // A block device does not say what of it is zeros: whether it fits shows when it is read.
      if (disk.device !== undefined) return { problem: null };
      return { problem: await whyNoRoom(directory, await dataBytesOf(fileOf(directory, disk))) };
    },

    removeSnapshot: ({ token, instanceId, imageId }) =>
      whileHolding(instanceId, token, (directory) => removeSnapshotFiles(directory, imageId)),

    extractSnapshot: ({ token, instanceId, imageId, source, format, isCompressed }) =>
      whileHolding(instanceId, token, async (directory) => {
        const image = await extractedImage(directory, imageId);
        if (!(await isThere(image))) {
          const from = source.of === 'disk' ? await quietDisk(instanceId, directory, source.disk) : copyIn(directory, imageId, source);
          await mkdir(snapshotPlace(directory, imageId), { recursive: true });
          await converted('extract', from, image, { format, isCompressed });
        }
        await rm(copyOfDisk(directory, imageId), { force: true });
      }),

    compressSnapshot: ({ token, instanceId, imageId, format }) =>
      whileHolding(instanceId, token, async (directory) => {
        const image = await extractedImage(directory, imageId);
        if (!(await isThere(image))) throw lost();
        await converted('compress', { path: image, format, sizeBytes: await inspectFile(image, format) }, image, {
          format,
          isCompressed: true,
        });
      }),
  };

  async function quietDisk(instanceId: string, directory: string, disk: Disk): Promise<DiskFile> {
    if (!isOff(await guestOf(libvirt, instanceId).state())) {
      throw fail('DomainStateConflict', 'the guest runs: its disk would change while it is read');
    }
    await devices.check(instanceId);
    return fileOf(directory, disk);
  }
}

/** The disk as its record names it: a guest that could choose what its disk is taken for would read the host's files by it. */
function fileOf(directory: string, { name, device, format, sizeBytes }: Disk): DiskFile {
  return { path: device ?? join(directory, name), format: qemuFormatOf(format), sizeBytes };
}

function copyIn(directory: string, imageId: string, { format, sizeBytes }: Copy): DiskFile {
  return { path: copyOfDisk(directory, imageId), format, sizeBytes };
}

/** What was extracted is not there any more. */
export function lost(): ReturnType<typeof fail> {
  return fail('SnapshotLost', 'what was read of the disk is gone: the host was started anew meanwhile');
}

/** Writes a disk into a new file, under another name until it is whole. */
async function converted(
  step: string,
  from: DiskFile,
  to: string,
  { format, isCompressed }: { readonly format: SnapshotFormat; readonly isCompressed: boolean },
): Promise<void> {
  const partial = `${to}.partial`;
  await rm(partial, { force: true });
  const [fromFormat, virtualSizeBytes] = [from.format, from.sizeBytes];
  await convertDisk({ step, from: from.path, fromFormat, to: partial, toFormat: format, virtualSizeBytes, isCompressed, isScratch: true });
  await faultPoint('halfway');
  await rename(partial, to);
}
