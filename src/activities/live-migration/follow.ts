import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ConnectionLost, ErrorCode, isLibvirtError, type Libvirt } from '../../libvirt/index.ts';
import { migrationProgress } from '../../model/live-migration/progress.ts';
import { endAtSource } from '../../model/live-migration/sight.ts';
import { type Answer, answerOf } from './answer.ts';
import type { MigrationEnd } from './note.ts';
import { type JobSight, sightOf } from './sight.ts';
import type { Steering } from './steer.ts';
import type { Unblocking } from './unblock.ts';

/** A migration that somebody follows to its end. */
export interface Followed {
  readonly libvirt: Libvirt;
  readonly uuid: string;
  readonly wasPaused: boolean;
  /** libvirt's answer, which comes with the end; null for a migration that another worker began. */
  readonly answer: Promise<unknown> | null;
  /** Whether it is the answer to the call that began the migration: libvirt then says of all of it how it went. */
  readonly answersForAll: boolean;
  readonly steering: Steering;
  readonly unblocking: Unblocking;
  /** Called when the job is seen first. */
  readonly begun: () => Promise<void>;
}

/** How a migration ended; `broken`: the hosts lost one another after its switch. */
type FollowedEnd = MigrationEnd | (Omit<MigrationEnd, 'end'> & { readonly end: 'broken' });

const pollMs = 200;
/** Between two looks that see no job, where no answer will come. */
const secondLookMs = 1_000;
/**
 * A libvirtd that is started anew is waited for, as is one that has to wait for QEMU; one that stays away is its host's trouble. One that
 * was killed after the switch says nothing of the guest for 30 s when it is back (seen in libvirt 9).
 */
const awayMs = 60_000;

/**
 * Follows a migration to its end, steering it on the way. A cancel that was requested aborts it, unless the guest has switched over; any
 * other, such as that of a worker that stops, leaves it alone and is raised. Raises `ConnectionLost` when libvirt stays away.
 */
export async function follow(followed: Followed): Promise<FollowedEnd> {
  const { libvirt, uuid, wasPaused, answersForAll, steering, unblocking, begun } = followed;
  const answer = answerOf(followed.answer);
  let [hasBegun, wasAway, looksWithoutJob, awaySince] = [false, false, 0, null as number | null];
  for (;;) {
    requireWanted();
    const state = answer.state(); // before the look: an end that is seen is that of the answer
    const sight = await seen();
    const end = sight === null ? 'moving' : endAtSource(sight, wasPaused);
    looksWithoutJob = end === 'moving' ? 0 : looksWithoutJob + 1;
    if (end !== 'moving' && isOver(state)) return ended(end, state);
    if (sight !== null && end === 'moving') await steer(sight);
    await pause(answer, end === 'moving');
  }

  async function steer(sight: JobSight): Promise<void> {
    if (!hasBegun) await begun();
    hasBegun = true;
    await unblocking.answered(steering.steer(sight));
    const { memory, disks } = migrationProgress(sight.stats, sight.isSwitched);
    await unblocking.sent(memory.doneBytes + disks.doneBytes);
  }

  /** Without an answer to come, a job that libvirt is about to begin and one that is over look the same for a moment. */
  function isOver(state: ReturnType<Answer['state']>): boolean {
    return state === 'given' || (state === 'unknown' && looksWithoutJob > 1);
  }

  /** libvirt answers without an error when the destination has finished the migration and the source has let go of the guest. */
  async function ended(end: FollowedEnd['end'], state: ReturnType<Answer['state']>): Promise<FollowedEnd> {
    if (end === 'here') return { end, reason: why(state), ...((await isLost()) ? { isLost: true } : {}) };
    if (end !== 'gone') return { end, reason: why(state) };
    const isArrived = answersForAll && state === 'given' && answer.reason() === null;
    return { end, reason: null, ...(isArrived ? { isArrived } : {}) };
  }

  /** libvirt 9 ends what it finds under way when it is started anew, and at once when the destination's is gone. */
  async function isLost(): Promise<boolean> {
    return (wasAway || answer.isLost()) && !(await steering.isUnwanted());
  }

  /** What kept this call from being answered says nothing of a migration that was seen to go on. */
  function why(state: ReturnType<Answer['state']>): string | null {
    return steering.reason() ?? (state === 'unknown' && hasBegun ? null : answer.reason());
  }

  /** Null: libvirt is away. */
  async function seen(): Promise<JobSight | null> {
    try {
      const sight = await unblocking.answered(sightOf(libvirt, uuid));
      awaySince = null;
      return sight;
    } catch (error) {
      if (!(error instanceof ConnectionLost) && !isLibvirtError(error, ErrorCode.operationTimeout)) throw error;
      wasAway ||= error instanceof ConnectionLost; // QEMU that is slow to answer says nothing of libvirtd
      awaySince ??= performance.now();
      if (performance.now() - awaySince > awayMs) throw error;
      return null;
    }
  }
}

async function pause(answer: Answer, isMoving: boolean): Promise<void> {
  const state = answer.state();
  if (state === 'given' && !isMoving) return;
  const rested = setTimeout(isMoving || state === 'awaited' ? pollMs : secondLookMs);
  await (state === 'awaited' ? Promise.race([answer.done, rested]) : rested);
}

/** Raises the cancel of an attempt that nobody waits for any more, though its migration goes on. */
function requireWanted(): void {
  const { cancellationSignal, cancellationDetails } = Context.current();
  if (cancellationSignal.aborted && cancellationDetails?.cancelRequested !== true) cancellationSignal.throwIfAborted();
}
