import { log } from '@temporalio/activity';
import type { Config } from '../../config.ts';
import { DomainXml, type Libvirt } from '../../libvirt/index.ts';
import { whyNotAnew } from '../../model/live-migration/last-try.ts';
import { hardwareIn } from '../../model/live-migration/movable.ts';
import { endAtSource } from '../../model/live-migration/sight.ts';
import type { Token } from '../../model/tenure.ts';
import { fail } from '../fail.ts';
import { isNoDomain } from '../failures.ts';
import { faultPoint } from '../fault-hook.ts';
import { guestOf } from '../guest.ts';
import type { WhileHolding } from '../holding.ts';
import { run } from '../run.ts';
import { type Followed, follow } from './follow.ts';
import { lastTryIn, type MigrationEnd, type MigrationNote, type MigrationNotes, migrationNotes } from './note.ts';
import { resumedPostCopy } from './resume.ts';
import { type JobSight, sightOf } from './sight.ts';
import { type Passage, startMigration } from './start.ts';
import { steeringOf } from './steer.ts';
import { leftAlone, type RunBeside, type Unblocking, unblocking } from './unblock.ts';

export interface MigrateInput extends Passage {
  readonly token: Token;
  readonly instanceId: string;
  /** Of one try of one operation, the same after a Reset: the same joins what it began, another begins anew. */
  readonly migrationId: string;
}

export interface MigrateLongActivities {
  /**
   * Moves the running guest to a host that has been made ready for it, and answers how that ended as the source sees it. A migration that
   * this try began is gone on with, whatever became of the worker, and its end is answered again. It is begun a second time only when the
   * worker was killed after its call and before its first look, 0.2 s at most, and it ended within that time with the guest still here; one
   * that goes on, or that libvirt has yet to begin, is joined: libvirt lets one go on at a time. A cancel that is requested aborts it; one
   * that has switched over goes on to its end. Raises `PostCopyBroken` when the hosts lost one another after the switch: called again it
   * goes on. Raises `DomainStateConflict` for a guest that may have gone on elsewhere. Progress in bytes, with what QEMU says of itself.
   * Repeatable.
   */
  migrateGuest(input: MigrateInput): Promise<MigrationEnd>;
}

export function migrateActivities(
  libvirt: Libvirt,
  whileHolding: WhileHolding,
  { runDir, instancesDir }: Pick<Config, 'runDir' | 'instancesDir'>,
  runBeside: RunBeside = run,
): MigrateLongActivities {
  return {
    migrateGuest: (input) =>
      whileHolding(input.instanceId, input.token, async () => {
        const notes = migrationNotes(runDir, input.instanceId);
        const sight = await unblockingFor(input).answered(sightOf(libvirt, input.instanceId));
        const note = await noteFor(input, notes, sight);
        if (note.end !== null) return note.end;
        const ended = await moved(input, notes, note, sight);
        if (ended.end === 'broken') {
          throw fail('PostCopyBroken', `the hosts lost one another after the guest had switched over: ${ended.reason}`);
        }
        await notes.write({ ...note, isBegun: true, end: ended });
        return ended;
      }),
  };

  async function moved(input: MigrateInput, notes: MigrationNotes, note: MigrationNote, sight: JobSight): ReturnType<typeof follow> {
    const { instanceId: uuid, policy, migrationId } = input;
    const steering = steeringOf(libvirt, uuid, policy, await memoryOf(uuid), () => notes.wishes(migrationId));
    const begun = async () => {
      await notes.write({ ...note, isBegun: true });
      await faultPoint('copying');
    };
    const { answer, answersForAll } = await begin(input, note, sight);
    return follow({ libvirt, uuid, wasPaused: note.wasPaused, answer, answersForAll, steering, unblocking: unblockingFor(input), begun });
  }

  function unblockingFor({ instanceId, policy }: MigrateInput): Unblocking {
    return policy.postCopy ? leftAlone : unblocking(instanceId, runBeside);
  }

  /** In MiB; 0 for a guest that is not here any more. */
  async function memoryOf(uuid: string): Promise<number> {
    try {
      return hardwareIn(await libvirt.domainGetXmlDesc({ dom: { uuid }, flags: DomainXml.inactive })).memoryMiB;
    } catch (error) {
      if (!isNoDomain(error)) throw error;
      return 0;
    }
  }

  /** What is to be followed. Only a migration whose job was never seen is begun; where it was seen, there is one, or it is over. */
  async function begin(
    input: MigrateInput,
    { isBegun, wasPaused }: MigrationNote,
    sight: JobSight,
  ): Promise<Pick<Followed, 'answer' | 'answersForAll'>> {
    const { instanceId: uuid } = input;
    const seen = endAtSource(sight, wasPaused);
    if (seen === 'broken') {
      log.warn('a migration that broke off after its switch is gone on with', { instanceId: uuid });
      return { answer: resumedPostCopy(libvirt, uuid, input), answersForAll: false };
    }
    if (seen !== 'here' || isBegun) return { answer: null, answersForAll: false };
    await guestOf(libvirt, uuid).requireOurs();
    return { ...(await startMigration(libvirt, uuid, input, instancesDir)), answersForAll: true };
  }
}

/**
 * The note of this try: that of one before it is over. It is written before libvirt is asked for anything. Raises `DomainStateConflict` for
 * a guest that may have gone on elsewhere.
 */
async function noteFor(
  { migrationId, instanceId, copied, policy }: MigrateInput,
  notes: MigrationNotes,
  sight: JobSight,
): Promise<MigrationNote> {
  const known = await notes.read();
  if (known?.migrationId === migrationId) return known;
  const why = whyNotAnew(sight, lastTryIn(known));
  if (why !== null) throw fail('DomainStateConflict', `the guest of ${instanceId} ${why}`);
  const wasPaused = sight.state === 'paused' || sight.state === 'held';
  const note: MigrationNote = {
    migrationId,
    wasPaused,
    copiesDisks: copied !== 'none',
    mayPostCopy: policy.postCopy,
    isBegun: false,
    end: null,
  };
  await notes.write(note);
  return note;
}
