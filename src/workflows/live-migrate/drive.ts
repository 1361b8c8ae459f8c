import type { FileReceiver } from '../../activities/transfer/file-receiver.ts';
import type { ExpectedFiles } from '../../activities/transfer/open-for-files.ts';
import type { Arrival } from '../../model/live-migration/arrivals.ts';
import { type TransferFrame, transferDisk, transferFiles, undoTransfer, type Way } from '../transfer.ts';

/** The config drive of a guest that moves, which QEMU never mirrors: it is sent before the guest is. */
export interface Drive {
  /** What the destination is to listen for; null: for nothing. */
  readonly receives: ExpectedFiles | null;
  /** Sends it to a destination that is ready. */
  readonly send: (ready: { readonly opened: FileReceiver | null }) => Promise<void>;
}

/** The drive as a file; there may be none. */
export function driveOf(frame: TransferFrame, way: Way, arrivals: readonly Arrival[]): Drive {
  const names = sentOf(arrivals).map(({ name }) => name);
  if (names.length === 0) return { receives: null, send: async () => {} };
  undoTransfer(frame, way);
  return {
    receives: { instanceId: way.instanceId, names, client: way.source, publicKey: null, attempt: 1 },
    send: ({ opened }) => transferFiles(frame, { ...way, from: '', names, opened }),
  };
}

/** As runs of before 0.2 had it: as a disk that is served by itself. */
export function driveAsDisk(frame: TransferFrame, way: Way, arrivals: readonly Arrival[]): Drive {
  const send = async () => {
    for (const disk of sentOf(arrivals)) await transferDisk(frame, { ...way, from: '', disk });
  };
  return { receives: null, send };
}

function sentOf(arrivals: readonly Arrival[]) {
  return arrivals.flatMap(({ how, to }) => (how === 'sent' ? [to] : []));
}
