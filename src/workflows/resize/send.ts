import type { FileReceiver } from '../../activities/transfer/file-receiver.ts';
import type { FileKey } from '../../activities/transfer.ts';
import type { DiskMove } from '../../model/resize/moves.ts';
import { closeUnused, openForFiles, type TransferFrame, transferDisk, transferFiles, type Way } from '../transfer.ts';

/** What runs of before 0.2 sent beside the disks. */
const sentBefore = ['kernel', 'ramdisk', 'nvram', 'disk.config'];

/** What goes from host to host. */
interface Freight {
  readonly moves: readonly DiskMove[];
  /** What is sent as files where there is such a file. Absent in runs of before 0.2. */
  readonly small: readonly string[] | undefined;
}

/** Has the destination ready to take the overlays and small files of an instance whose guest still runs. */
export function openForDisks(
  frame: TransferFrame,
  way: Way & { readonly key: FileKey },
  { moves, small = sentBefore }: Freight,
): Promise<FileReceiver> {
  return openForFiles(frame, { ...way, names: [...overlaysOf(moves), ...small] });
}

/**
 * Sends the disks of an instance to a host that does not see them, from where its source put them aside: overlays whose base is there and
 * small files as they are, every other disk by itself. `names` is what lies aside. A disk that is to grow arrives as large as it was.
 */
export async function sendDisks(
  frame: TransferFrame,
  way: Way,
  { moves, small = sentBefore, names, opened }: Freight & { readonly names: readonly string[]; readonly opened: FileReceiver | null },
): Promise<void> {
  const from = { ...way, from: '_resize' } as const;
  const files = [...overlaysOf(moves), ...names.filter((name) => small.includes(name))];
  if (files.length > 0) await transferFiles(frame, { ...from, names: files, opened });
  else if (opened !== null) await closeUnused(frame, way);
  for (const { how, from: disk, to } of moves) {
    const isAlone = disk !== null && (how === 'flattened' || (how === 'copied' && to.backing === null && !small.includes(to.name)));
    if (isAlone) await transferDisk(frame, { ...from, disk, as: { ...to, target: disk.target, sizeBytes: disk.sizeBytes } });
  }
}

/** Writes whole devices of an instance into those that its destination gave them: no host sees another's. */
export async function sendDevices(frame: TransferFrame, way: Way, moves: readonly DiskMove[]): Promise<void> {
  for (const { how, from: disk, to } of moves) {
    if (how !== 'written' || disk === null) continue;
    await transferDisk(frame, { ...way, from: '_resize', disk, as: { ...to, target: disk.target } });
  }
}

function overlaysOf(moves: readonly DiskMove[]): readonly string[] {
  return moves.filter(({ how, to }) => how === 'copied' && to.backing !== null).map(({ to }) => to.name);
}
