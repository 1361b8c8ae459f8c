import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../failures.ts';
import { namesIn } from '../names-in.ts';
import type { ProcessView } from '../processes.ts';
import { renameDurably } from '../rename-durably.ts';
import { endProcess, lastingProcess } from './lasting-process.ts';
import { endListener } from './listeners.ts';

/** Where this host keeps what a transfer of an instance needs while it goes on: pid files, keys, notes. Nothing is there otherwise. */
export function transferDirectory(runDir: string, instanceId: string): string {
  return join(transfersDirectory(runDir), instanceId);
}

/** The directory of all of them. */
export function transfersDirectory(runDir: string): string {
  return join(runDir, 'transfers');
}

/** Which transfer something was started for. */
export interface Purpose {
  readonly workflowId: string;
  readonly run: string;
  readonly generation: number;
  /** Counted from 1: each begins with a receiver of its own. */
  readonly attempt: number;
}

/** Whether both are the same attempt of the same operation. */
export function isSamePurpose(one: Purpose, other: Purpose): boolean {
  return one.run === other.run && one.generation === other.generation && one.attempt === other.attempt;
}

/** What is noted about a receiver before it is started. */
export interface ReceiverNote {
  readonly purpose: Purpose;
  readonly port: number;
  /** The file or directory of the instance that is received into, to be removed with it; null: a device. */
  readonly partial: string | null;
  /** Where in it a listener of the worker writes; absent for a process. */
  readonly into?: string;
  /** An argument that no other process was started with. */
  readonly argument: string;
  /** What ends it. */
  readonly endedBy: NodeJS.Signals;
}

/** The notes of an instance's receivers, by name. */
export async function receiverNotes(directory: string): Promise<ReadonlyMap<string, ReceiverNote>> {
  const names = (await namesIn(directory)).flatMap((name) => /^(.+)\.receiver$/.exec(name)?.[1] ?? []);
  const notes = await Promise.all(names.map(async (name) => [name, await readNote(directory, name)] as const));
  return new Map(notes.flatMap(([name, note]): [string, ReceiverNote][] => (note === null ? [] : [[name, note]])));
}

/** The note of one receiver, or null. */
export async function readNote(directory: string, name: string): Promise<ReceiverNote | null> {
  try {
    return JSON.parse(await readFile(noteOf(directory, name), 'utf8')) as ReceiverNote;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Notes a receiver. */
export async function writeNote(directory: string, name: string, note: ReceiverNote): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = noteOf(directory, name);
  await writeFile(`${path}.new`, `${JSON.stringify(note)}\n`);
  await renameDurably(`${path}.new`, path);
}

/** Removes notes that were never finished: nothing was started for them. */
export async function forgetHalfNoted(directory: string): Promise<void> {
  const halves = (await namesIn(directory)).filter((name) => name.endsWith('.receiver.new'));
  for (const name of halves) await rm(join(directory, name));
}

/** Forgets a receiver that has ended, and the directory when it was the last thing there. */
export async function forget(directory: string, name: string): Promise<void> {
  for (const path of [pidFileOf(directory, name), ownDirectoryOf(directory, name), noteOf(directory, name)]) {
    await rm(path, { recursive: true, force: true });
  }
  await dropIfEmpty(directory);
}

/** Removes the directory of an instance's transfers when nothing is in it. */
export async function dropIfEmpty(directory: string): Promise<void> {
  if ((await namesIn(directory)).length === 0) await rm(directory, { recursive: true, force: true });
}

/** Where the pid of a receiver is. */
export function pidFileOf(directory: string, name: string): string {
  return join(directory, `${name}.pid`);
}

/** Where a receiver has what it needs: keys and settings. */
export function ownDirectoryOf(directory: string, name: string): string {
  return join(directory, name);
}

/** The process of a receiver, or null when it does not run. */
export async function receiverProcess(directory: string, name: string): Promise<ProcessView | null> {
  const note = await readNote(directory, name);
  return note === null ? null : lastingProcess(pidFileOf(directory, name), note.argument);
}

/** Ends a receiver, whichever attempt it was for. What it wrote stays. */
export async function endReceiver(directory: string, name: string): Promise<void> {
  const [note, receiver] = await Promise.all([readNote(directory, name), receiverProcess(directory, name)]);
  if (note !== null && receiver !== null) await endProcess(receiver, note.endedBy);
  await endListener(ownDirectoryOf(directory, name));
  await rm(pidFileOf(directory, name), { force: true });
}

function noteOf(directory: string, name: string): string {
  return join(directory, `${name}.receiver`);
}
