import type { MigrationPhase } from './progress.ts';

/** What to do about a migration that runs. */
export type Move = 'wait' | 'abort' | 'switch to post-copy' | 'allow any downtime';

/** What is known of a migration at a moment. */
export interface Situation {
  readonly phase: MigrationPhase;
  readonly elapsedSeconds: number;
  /** Its completion time-out, or null. */
  readonly completionTimeoutSeconds: number | null;
  readonly onTimeout: 'abort' | 'forceComplete';
  readonly mayPostCopy: boolean;
  /** What somebody asked for meanwhile. */
  readonly asked: 'abort' | 'forceComplete' | null;
}

/**
 * What to do about a migration that runs. After the switch an abort would lose the guest, and before its memory is on its way QEMU
 * cannot switch.
 *
 * | phase | asked for, or due by the time-out | post-copy | move |
 * |---|---|---|---|
 * | switched | anything | any | wait |
 * | disks, memory | nothing | any | wait |
 * | disks, memory | abort | any | abort |
 * | disks | forceComplete | permitted | wait |
 * | memory | forceComplete | permitted | switch to post-copy |
 * | disks, memory | forceComplete | not permitted | allow any downtime |
 */
export function nextMove({ phase, elapsedSeconds, completionTimeoutSeconds, onTimeout, mayPostCopy, asked }: Situation): Move {
  if (phase === 'switched') return 'wait';
  const isLate = completionTimeoutSeconds !== null && elapsedSeconds > completionTimeoutSeconds;
  const due = asked ?? (isLate ? onTimeout : null);
  if (due === null) return 'wait';
  if (due === 'abort') return 'abort';
  if (!mayPostCopy) return 'allow any downtime';
  return phase === 'memory' ? 'switch to post-copy' : 'wait';
}
