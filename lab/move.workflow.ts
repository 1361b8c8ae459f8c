import { ApplicationFailure, CancellationScope, workflowInfo } from '@temporalio/workflow';
import type { Disk } from '../src/model/instance.ts';
import type { Token } from '../src/model/tenure.ts';
import type { Hold } from '../src/workflows/hold.ts';
import { journal } from '../src/workflows/journal.ts';
import { outcomeOf } from '../src/workflows/outcome.ts';
import { parking } from '../src/workflows/parking.ts';
import { probeSharedStorage } from '../src/workflows/shared-storage.ts';
import { stepMaker } from '../src/workflows/steps.ts';
import { transferDisk, transferFiles } from '../src/workflows/transfer.ts';
import { undoStack } from '../src/workflows/undo.ts';

export interface Move {
  readonly instanceId: string;
  readonly source: string;
  readonly destination: string;
  readonly disk: Disk;
  readonly as: Disk;
  readonly names: readonly string[];
}

/** What an operation does that moves the disks of an instance, with the frame of operations, and without a record. Whether storage is shared. */
export async function move({ disk, as, names, ...route }: Move): Promise<boolean> {
  const undos = undoStack();
  const scope = CancellationScope.current();
  const situation = {
    type: 'move',
    onFailure: () => 'rollback' as const,
    isUndoing: undos.isUnwinding,
    isCancelled: () => scope.consideredCancelled,
    isCommitted: () => false,
    hearsOfEachBreak: () => false,
  };
  const frame = { ...stepMaker(situation, ownHold(), journal(), parking()), undo: undos.add };
  try {
    const isShared = await probeSharedStorage(frame, route);
    await transferDisk(frame, { ...route, disk, as, from: '' });
    if (names.length > 0) await transferFiles(frame, { ...route, names, from: '' });
    return isShared;
  } catch (failure) {
    await CancellationScope.nonCancellable(() => undos.unwind());
    throw scope.consideredCancelled ? failure : outcomeOf(failure, { step: 'move', host: null });
  }
}

/** Nobody else has the instance. */
function ownHold(): Hold {
  const noRecord = ApplicationFailure.nonRetryable('there is no record');
  const none = () => Promise.reject(noRecord);
  const token: Token = { run: workflowInfo().runId, generation: 1 };
  let step = 0;
  return {
    record: () => null,
    token: () => token,
    nextToken: () => {
      step += 1;
      return { ...token, step };
    },
    taken: () => {},
    isToldBySteps: () => false,
    entering: () => {
      throw noRecord;
    },
    enter: none,
    finish: none,
  };
}
