import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Token } from '../../model/tenure.ts';
import { replacedAside } from '../disks/made-aside.ts';
import { errnoOf } from '../failures.ts';

/** That a guest of this host belonged elsewhere when the host came back: its disks are the last to know what it wrote here. */
export interface SupersededNote {
  readonly since: string;
  /** Under which it had last been acted on here. */
  readonly known: number;
  /** Under which its guest was ended. */
  readonly token: Token;
}

const noteName = 'superseded.json';

/** The note in an instance's directory, or null. */
export async function readSuperseded(directory: string): Promise<SupersededNote | null> {
  try {
    return JSON.parse(await readFile(join(directory, noteName), 'utf8')) as SupersededNote;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Survives a power loss. */
export async function noteSuperseded(directory: string, note: SupersededNote): Promise<void> {
  await mkdir(directory, { recursive: true });
  await replacedAside(join(directory, noteName), (partial) => writeFile(partial, `${JSON.stringify(note)}\n`));
}

/** Repeatable. */
export async function forgetSuperseded(directory: string): Promise<void> {
  await rm(join(directory, noteName), { force: true });
}
