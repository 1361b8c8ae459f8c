import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Token } from '../model/tenure.ts';
import { errnoOf } from './failures.ts';
import { renameDurably } from './rename-durably.ts';

/** The name of the file in an instance's own directory. */
const generationFile = 'generation';

/** The newest operation that acted on the instance here, or null. The file outlives the instance, so that a late attempt is recognised. */
export async function readGeneration(directory: string, fileName: string = generationFile): Promise<Token | null> {
  try {
    const { run, generation } = JSON.parse(await readFile(join(directory, fileName), 'utf8')) as Token;
    return { run, generation };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Notes the operation, so that it survives a power loss: written aside, synced, renamed. */
export async function writeGeneration(directory: string, { run, generation }: Token, fileName: string = generationFile): Promise<void> {
  const path = join(directory, fileName);
  const partial = `${path}.partial`;
  await writeFile(partial, `${JSON.stringify({ run, generation })}\n`);
  await renameDurably(partial, path);
}

/** What a token means beside what is known on the host. The truth table of `whileHolding`. */
export function judgement(known: Token | null, token: Token): 'current' | 'newer' | 'stale' {
  if (known === null || token.generation > known.generation) return 'newer';
  return token.generation === known.generation && token.run === known.run ? 'current' : 'stale';
}
