import { sleep } from '@temporalio/workflow';
import type { FileReceiver } from '../activities/transfer/file-receiver.ts';
import type { DiskTransfer, FileKey, FileTransfer } from '../activities/transfer.ts';
import type { Disk } from '../model/instance.ts';
import { typeOf } from './outcome.ts';
import type { StepMaker } from './steps.ts';
import { thoughAway } from './though-away.ts';
import type { Undo } from './undo.ts';

/** What a transfer is told with: an operation's frame, or a part of it. */
export type TransferFrame = Pick<StepMaker, 'onHost' | 'longOnHost' | 'unlessAway' | 'mayBeginAnew'> & { readonly undo: Undo };

/** From which host to which; they are not the same one, and share no storage. */
export interface Way {
  readonly instanceId: string;
  readonly source: string;
  readonly destination: string;
}

export interface Route extends Way {
  /** Whether the source's files lie in the instance's directory or in the one of this suffix. */
  readonly from: '' | '_resize';
}

/** How often a transfer is begun before an operator is asked, or the operation ends. */
const attemptsAtOnce = 6;

/**
 * Brings one disk of an instance that is off from its source to its destination, where it is served by QEMU for this operation and its
 * source alone. Afterwards it lies there, whole and synced, under its own name, or in the device that was given to it as `as.device`; its
 * source is as it was. It becomes what `as` says, by default the same: a disk with a backing file is flattened on the way.
 */
export async function transferDisk(
  frame: TransferFrame,
  { disk, as = { ...disk, backing: null }, ...route }: Route & { readonly disk: Disk; readonly as?: Disk },
): Promise<void> {
  const { instanceId, source, destination, from } = route;
  const { onHost, longOnHost } = frame;
  const transfer: DiskTransfer = { instanceId, disk, as };
  undoTransfer(frame, route);
  await untilWhole(frame, async (attempt) => {
    const to = await onHost(destination).openDiskReceiver({ ...transfer, client: source, attempt });
    const { digest } = await longOnHost(source).sendDisk({ ...transfer, from, to });
    await longOnHost(destination).sealDisk({ ...transfer, digest });
  });
}

/**
 * Brings files and directories to which no guest writes from their source to their destination, where they are taken for this operation
 * alone: overlays whose base is there, and whatever is small. Afterwards they lie there, whole and synced, under their own names.
 * `opened`: what takes the first attempt.
 */
export async function transferFiles(
  frame: TransferFrame,
  { names, opened = null, ...route }: Route & { readonly names: readonly string[]; readonly opened?: FileReceiver | null },
): Promise<void> {
  const { instanceId, source, destination, from } = route;
  const { onHost, longOnHost } = frame;
  const transfer: FileTransfer = { instanceId, names };
  if (opened === null) undoTransfer(frame, route);
  let leavesKey = true;
  await untilWhole(frame, async (attempt) => {
    const open = async () => openForFiles(frame, { ...route, names, key: await onHost(source).makeFileKey({ instanceId }) }, attempt);
    const to = attempt === 1 && opened !== null ? opened : await open();
    const { sent } = await longOnHost(source).sendFiles({ ...transfer, from, to });
    await longOnHost(destination).sealFiles({ ...transfer, sent });
    leavesKey = to.carrier !== 'https';
  });
  if (leavesKey) await onHost(source).stopSending({ instanceId });
}

/** What the source needs to send files, before they can be sent. */
export function prepareToSend(frame: TransferFrame, way: Way): Promise<FileKey> {
  undoTransfer(frame, way);
  return frame.onHost(way.source).makeFileKey({ instanceId: way.instanceId });
}

/** Has the destination take files from then on: a guest is not kept waiting for it. Some of them may not be there in the end. */
export function openForFiles(
  { onHost }: TransferFrame,
  { instanceId, source, destination, names, key }: Way & { readonly names: readonly string[]; readonly key: FileKey },
  attempt = 1,
): Promise<FileReceiver> {
  return onHost(destination).openFileReceiver({ instanceId, names, client: source, ...key, attempt });
}

/** Has the destination take no files of the instance any more, and the source without its key, when there turned out to be none to send. */
export async function closeUnused({ onHost }: TransferFrame, { instanceId, source, destination }: Way): Promise<void> {
  await onHost(destination).closeReceivers({ instanceId });
  await onHost(source).stopSending({ instanceId });
}

/** Leaves nothing that sends or receives, and no part of what came. On a host that is away its worker sees to it when it is back. */
export function undoTransfer({ undo, unlessAway }: TransferFrame, { instanceId, source, destination }: Way): void {
  undo('end what receives the copy', () => thoughAway(() => unlessAway(destination).closeReceivers({ instanceId })));
  undo('end what sends the copy', () => thoughAway(() => unlessAway(source).stopSending({ instanceId })));
}

/** A connection that broke, a host that started anew, a copy that is not whole: both ends begin anew, after a pause. */
async function untilWhole({ mayBeginAnew }: TransferFrame, work: (attempt: number) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (failure) {
      if (typeOf(failure) !== 'TransferBroken') throw failure;
      const round = attempt % attemptsAtOnce;
      if (round > 0) await sleep(2 ** (round - 1) * 1000);
      else if (!(await mayBeginAnew(failure))) throw failure;
    }
  }
}
