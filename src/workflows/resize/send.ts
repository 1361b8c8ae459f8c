import type { DiskMove } from '../../model/resize/moves.ts';
import { type Route, type TransferFrame, transferDisk, transferFiles } from '../transfer.ts';

/** What belongs to an instance beside its disks, and is small. */
const small: ReadonlySet<string> = new Set(['kernel', 'ramdisk', 'nvram', 'disk.config']);

/**
 * Sends the disks of an instance to a host that does not see them, from where its source put them aside: overlays whose base is there and
 * small files as they are, every other disk by itself. `names` is what lies aside. A disk that is to grow arrives as large as it was.
 */
export async function sendDisks(
  frame: TransferFrame,
  route: Omit<Route, 'from'>,
  { moves, names }: { readonly moves: readonly DiskMove[]; readonly names: readonly string[] },
): Promise<void> {
  const from = { ...route, from: '_resize' } as const;
  const overlays = moves.filter(({ how, to }) => how === 'copied' && to.backing !== null).map(({ to }) => to.name);
  const files = [...overlays, ...names.filter((name) => small.has(name))];
  if (files.length > 0) await transferFiles(frame, { ...from, names: files, overlays });
  for (const { how, from: disk, to } of moves) {
    const isAlone = disk !== null && (how === 'flattened' || (how === 'copied' && to.backing === null && !small.has(to.name)));
    if (isAlone) await transferDisk(frame, { ...from, disk, as: { ...to, target: disk.target, sizeBytes: disk.sizeBytes } });
  }
}
