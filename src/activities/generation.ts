import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Token } from '../model/tenure.ts';
import { errnoOf } from './failures.ts';
import { renameDurably } from './rename-durably.ts';

/** The name of the file in an instance's own directory. */
const generationFile = 'generation';

/** The newest operation that acted on the instance here, or null. The file outlives the instance, so that a late attempt is recognised. */
export async function readGeneration(directory: string, fileName: string = generationFile): Promise<Token | null> {
  try {
    return tokenOf(JSON.parse(await readFile(join(directory, fileName), 'utf8')) as Token);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Notes a new operation, so that it survives a power loss: written aside, synced, renamed. */
export async function writeGeneration(directory: string, token: Token, fileName: string = generationFile): Promise<void> {
  await replaced(join(directory, fileName), token, renameDurably);
}

/** Notes that the operation came to a later step. Not synced: nothing that a power loss leaves alive knows of an earlier one. */
export async function writeStep(directory: string, token: Token, fileName: string = generationFile): Promise<void> {
  await replaced(join(directory, fileName), token, rename);
}

async function replaced(path: string, token: Token, renameTo: (from: string, to: string) => Promise<void>): Promise<void> {
  const text = `${JSON.stringify(tokenOf(token))}\n`;
  const partial = `${path}.partial`;
  try {
    await writeFile(partial, text);
    await renameTo(partial, path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOSPC') throw error;
    await rm(partial, { force: true });
    await overwritten(path, text);
  }
}

/** On a disk that is full, what makes room on it has to be noted, too: in the block that the note has, by one write, synced. */
async function overwritten(path: string, text: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    await file.write(text.padEnd(size), 0);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** What a token means beside what is known on the host. The truth table of `whileHolding`. */
export function judgement(known: Token | null, token: Token): 'current' | 'later step' | 'newer' | 'stale' {
  if (known === null || token.generation > known.generation) return 'newer';
  if (token.generation !== known.generation || token.run !== known.run) return 'stale';
  const [step, knownStep] = [token.step ?? 0, known.step ?? 0];
  if (step === knownStep) return 'current';
  return step > knownStep ? 'later step' : 'stale';
}

function tokenOf({ run, generation, step }: Token): Token {
  return { run, generation, ...(step === undefined ? {} : { step }) };
}
