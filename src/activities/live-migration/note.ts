import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LastTry } from '../../model/live-migration/last-try.ts';
import type { SourceEnd } from '../../model/live-migration/sight.ts';
import { errnoOf } from '../failures.ts';

/** How a migration ended, and why if not as it should. */
export interface MigrationEnd {
  readonly end: SourceEnd;
  readonly reason: string | null;
  /**
   * libvirt answered the source that the destination has the guest: nobody else has to be asked. Absent of an end that was found in another
   * way, and in runs of before 0.2.
   */
  readonly isArrived?: true;
  /** It was given up because a libvirtd was lost on the way, and nobody asked for its end: the guest may be sent anew. */
  readonly isLost?: true;
}

/** What the source keeps of a migration for who comes after a worker that was killed. */
export interface MigrationNote {
  /** Of one try of one operation. */
  readonly migrationId: string;
  readonly wasPaused: boolean;
  /** Whether disks are copied too. */
  readonly copiesDisks: boolean;
  /** Whether the guest may switch over. */
  readonly mayPostCopy: boolean;
  /** Whether libvirt's job was seen. */
  readonly isBegun: boolean;
  readonly end: MigrationEnd | null;
}

/** What somebody asked for while it runs. */
export interface Wishes {
  readonly asked: 'abort' | 'forceComplete' | null;
  readonly bandwidthMiBps: number | null;
  readonly maxDowntimeMs: number | null;
}

/** A kind of wish, which has a file of its own: one takes nothing back of another. */
type Wish = 'abort' | 'forceComplete' | 'bandwidthMiBps' | 'maxDowntimeMs';

interface Written {
  readonly migrationId: string;
  readonly value: number | null;
}

/** Where this host keeps it: gone after a boot, as the guest is. */
export function migrationDirectory(runDir: string, instanceId: string): string {
  return join(runDir, 'migrations', instanceId);
}

/** What is kept of an instance's migration. */
export interface MigrationNotes {
  readonly read: () => Promise<MigrationNote | null>;
  readonly write: (note: MigrationNote) => Promise<void>;
  readonly wish: (wish: Wish, migrationId: string, value?: number) => Promise<void>;
  readonly wishes: (migrationId: string) => Promise<Wishes>;
  readonly forget: () => Promise<void>;
}

export function migrationNotes(runDir: string, instanceId: string): MigrationNotes {
  const directory = migrationDirectory(runDir, instanceId);
  const wish = async (name: Wish, migrationId: string) => {
    const written = await readJson<Written>(join(directory, name));
    return written?.migrationId === migrationId ? written : null;
  };
  return {
    read: () => readJson<MigrationNote>(join(directory, 'note')),
    write: (note) => writeJson(directory, 'note', note),
    wish: (name, migrationId, value) => writeJson(directory, name, { migrationId, value: value ?? null } satisfies Written),
    wishes: async (migrationId) => {
      const [abort, force] = [await wish('abort', migrationId), await wish('forceComplete', migrationId)];
      return {
        asked: abort !== null ? 'abort' : force !== null ? 'forceComplete' : null,
        bandwidthMiBps: (await wish('bandwidthMiBps', migrationId))?.value ?? null,
        maxDowntimeMs: (await wish('maxDowntimeMs', migrationId))?.value ?? null,
      };
    },
    forget: () => rm(directory, { recursive: true, force: true }),
  };
}

/** What a note says of the last try; null: there was none since this host was booted, or it was forgotten. */
export function lastTryIn(note: MigrationNote | null): LastTry | null {
  return note === null ? null : { wasPaused: note.wasPaused, end: note.end?.end ?? null };
}

async function readJson<Value>(path: string): Promise<Value | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Value;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** In memory: nothing to sync. Another's at the same time counts, or this one; neither is in the other's way. */
async function writeJson(directory: string, name: string, value: object): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const partial = join(directory, `${name}.${randomUUID()}.partial`);
  await writeFile(partial, `${JSON.stringify(value)}\n`);
  await rename(partial, join(directory, name));
}
