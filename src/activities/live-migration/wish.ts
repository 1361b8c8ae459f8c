import type { Libvirt } from '../../libvirt/index.ts';
import { migrationProgress } from '../../model/live-migration/progress.ts';
import { endAtSource } from '../../model/live-migration/sight.ts';
import { type MigrationNote, migrationNotes } from './note.ts';
import { type JobSight, sightOf } from './sight.ts';

/** One try of one operation. It takes no token: who asks changes nothing himself, and the step that migrates has the instance. */
export interface Try {
  readonly instanceId: string;
  readonly migrationId: string;
}

/** What a migration that runs may be given otherwise. */
export interface PolicyChange {
  readonly bandwidthMiBps?: number;
  readonly maxDowntimeMs?: number;
}

export interface MigrationWishActivities {
  /** Has the migration aborted; `refusal`: why that cannot be. Repeatable. */
  abortMigration(input: Try): Promise<{ readonly refusal: string | null }>;
  /** Has the migration end, by post-copy where its policy has it, else by whatever pause that takes. Repeatable. */
  forceMigration(input: Try): Promise<{ readonly refusal: string | null }>;
  /** Has it go on with another bandwidth or another longest pause; `note`: what that does not do. Repeatable. */
  setMigrationPolicy(input: Try & PolicyChange): Promise<{ readonly refusal: string | null; readonly note: string | null }>;
}

/** Tells the step that migrates, which has the instance's lock for as long as that lasts, by a note; it acts within its next look. */
export function migrationWishActivities(libvirt: Libvirt, runDir: string): MigrationWishActivities {
  return {
    abortMigration: async (input) => {
      const { refusal } = await underWay(input);
      if (refusal === null) await notesOf(input).wish('abort', input.migrationId);
      return { refusal };
    },
    forceMigration: async (input) => {
      const { refusal } = await underWay(input);
      if (refusal === null) await notesOf(input).wish('forceComplete', input.migrationId);
      return { refusal };
    },
    setMigrationPolicy: async ({ bandwidthMiBps, maxDowntimeMs, ...input }) => {
      const { refusal, areDisksCopied } = await underWay(input);
      if (refusal !== null) return { refusal, note: null };
      if (bandwidthMiBps !== undefined) await notesOf(input).wish('bandwidthMiBps', input.migrationId, bandwidthMiBps);
      if (maxDowntimeMs !== undefined) await notesOf(input).wish('maxDowntimeMs', input.migrationId, maxDowntimeMs);
      return { refusal: null, note: bandwidthMiBps !== undefined && areDisksCopied ? memoryOnly : null };
    },
  };

  function notesOf({ instanceId }: Try): ReturnType<typeof migrationNotes> {
    return migrationNotes(runDir, instanceId);
  }

  async function underWay(input: Try): Promise<{ readonly refusal: string | null; readonly areDisksCopied: boolean }> {
    const note = await notesOf(input).read();
    if (note?.migrationId !== input.migrationId || note.end !== null)
      return { refusal: 'the guest is not being moved now', areDisksCopied: false };
    const sight = await sightOf(libvirt, input.instanceId);
    return { refusal: refusalOf(note, sight), areDisksCopied: note.copiesDisks && isBeforeMemory(sight) };
  }
}

// Seen in libvirt 9: the speed that is set while disks are copied limits memory when its turn comes.
const memoryOnly = 'the bandwidth acts on memory only: the disks are copied as fast as before';

function refusalOf({ isBegun, wasPaused }: MigrationNote, sight: JobSight): string | null {
  if (sight.isSwitched) return 'the guest has switched over to its destination';
  return isBegun && endAtSource(sight, wasPaused) !== 'moving' ? 'the guest is not being moved any more' : null;
}

function isBeforeMemory({ stats, isSwitched }: JobSight): boolean {
  return migrationProgress(stats, isSwitched).phase === 'disks';
}
