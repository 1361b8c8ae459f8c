import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replacedAside } from '../disks/made-aside.ts';
import { errnoOf } from '../failures.ts';
import { faultPoint } from '../fault-hook.ts';
import { isHoldingFile } from '../holding.ts';
import { isThere } from '../is-there.ts';
import { fail } from '../record-client.ts';
import { syncContent } from '../rename-durably.ts';

/** What says whose files lie aside, and which they are: without it nobody touches them. */
interface AsideNote {
  /** The id of the migration that put them there. */
  readonly migration: string;
  readonly generation: number;
  /** All that is, or was to be, put there. */
  readonly files: readonly string[];
  /** Whether all of them are there. */
  readonly isComplete: boolean;
}

/** Whose the files are that are put aside. */
export interface Leaver {
  readonly migration: string;
  readonly generation: number;
  /** The names of the instance's own disks that are files. */
  readonly disks: readonly string[];
}

const noteName = 'migration.json';

/** Where the files of an instance lie that a migration may need again, Nova's `<uuid>_resize`. */
export function asideOf(directory: string): string {
  return `${directory}_resize`;
}

/**
 * Moves all files of an instance out of its directory, except those that say who acts on it. Repeatable, whatever of it was done. What an
 * earlier migration left there goes when it is proven to be superseded: it is older, and the instance's disks are in its directory.
 * Raises `DestinationDiskExists` for anything else. Returns the names.
 */
export async function putAside(directory: string, leaver: Leaver): Promise<readonly string[]> {
  const aside = asideOf(directory);
  const before = await readNote(aside);
  const isOurs = before?.migration === leaver.migration;
  if (isOurs && before.isComplete) return before.files;
  if (!isOurs) await clearSuperseded(directory, before, leaver);
  await mkdir(aside, { recursive: true, mode: 0o755 });
  const { migration, generation } = leaver;
  const note = { migration, generation, files: isOurs ? before.files : await filesIn(directory), isComplete: false };
  await writeNote(aside, note);
  await faultPoint('halfway');
  for (const name of note.files) await moved(join(directory, name), join(aside, name));
  await Promise.all([directory, aside].map(syncContent));
  await writeNote(aside, { ...note, isComplete: true });
  return note.files;
}

/**
 * Moves all that this migration put aside to where it was, over whatever has its place by now, and removes what was not there before.
 * Right when nothing was put aside. Repeatable. Raises `DestinationDiskExists` when what lies aside is another's.
 */
export async function putBack(directory: string, migration: string): Promise<void> {
  const aside = asideOf(directory);
  const note = await readNote(aside);
  if (note === null && (await isNothingIn(aside))) return;
  if (note?.migration !== migration) throw foreign(aside, note);
  await writeNote(aside, { ...note, isComplete: false });
  for (const name of note.files) await moved(join(aside, name), join(directory, name));
  for (const name of await filesIn(directory)) {
    if (!note.files.includes(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
  await Promise.all([directory, aside].map(syncContent));
  await rm(aside, { recursive: true, force: true });
}

/** Removes what this migration put aside. What is another's stays. Repeatable. */
export async function removeAside(directory: string, migration: string): Promise<void> {
  const aside = asideOf(directory);
  const note = await readNote(aside);
  if (note === null) await isNothingIn(aside);
  if (note?.migration !== migration) return;
  // The note goes last: a removal that is cut off is known for what it is.
  for (const name of await readdir(aside)) if (name !== noteName) await rm(join(aside, name), { recursive: true, force: true });
  await rm(aside, { recursive: true, force: true });
}

/** Raises `DestinationDiskExists` unless all that this migration put aside is there. */
export async function requireAside(directory: string, migration: string): Promise<void> {
  const aside = asideOf(directory);
  const note = await readNote(aside);
  if (note?.migration !== migration) throw foreign(aside, note);
  const present = new Set(await readdir(aside));
  const missing = note.files.filter((name) => !present.has(name));
  if (!note.isComplete || missing.length > 0) throw fail('DestinationDiskExists', `${aside} lacks ${missing.join(', ') || 'some files'}`);
}

async function clearSuperseded(directory: string, note: AsideNote | null, leaver: Leaver): Promise<void> {
  const aside = asideOf(directory);
  if (note === null && (await isNothingIn(aside))) return;
  const present = new Set(await filesIn(directory));
  const isWhole = leaver.disks.every((name) => present.has(name));
  if (note === null || note.generation >= leaver.generation || !isWhole) throw foreign(aside, note);
  await removeAside(directory, note.migration);
}

/**
 * Whether no files lie aside. A directory without a note in which nothing is, or half a note, is of an attempt that died before its first
 * file, or after its last, and is removed.
 */
async function isNothingIn(aside: string): Promise<boolean> {
  if (!(await isThere(aside))) return true;
  if ((await readdir(aside)).some((name) => name !== `${noteName}.partial`)) return false;
  await rm(aside, { recursive: true, force: true });
  return true;
}

function foreign(aside: string, note: AsideNote | null): ReturnType<typeof fail> {
  const whose = note === null ? 'nothing says whose it is' : `it is of migration ${note.migration}, generation ${note.generation}`;
  return fail('DestinationDiskExists', `${aside} is there and ${whose}: look at it, and move it away when nobody needs it`);
}

async function filesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => !isHoldingFile(name)).sort();
}

/** A file that is not there was moved by the attempt before. */
async function moved(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

async function readNote(aside: string): Promise<AsideNote | null> {
  try {
    return JSON.parse(await readFile(join(aside, noteName), 'utf8')) as AsideNote;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function writeNote(aside: string, note: AsideNote): Promise<void> {
  await replacedAside(join(aside, noteName), (partial) => writeFile(partial, `${JSON.stringify(note)}\n`));
}
