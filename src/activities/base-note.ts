import { readFile, writeFile } from 'node:fs/promises';
import type { BaseFormat } from '../model/instance.ts';
import { errnoOf } from './failures.ts';

/** What is written beside a base: the checksum of the image, and what the base is where it is not the image itself. */
export interface BaseNote {
  readonly image: string;
  readonly converted: { readonly format: BaseFormat; readonly checksum: string } | null;
}

/** The note beside a base: its image's checksum on the first line, format and checksum of a converted base on the second. Null when there is none. */
export async function readBaseNote(path: string): Promise<BaseNote | null> {
  try {
    const [image = '', converted = ''] = (await readFile(noteOf(path), 'utf8')).split('\n');
    const [format = '', checksum = ''] = converted.split(' ');
    return { image, converted: format === 'raw' || format === 'qcow2' ? { format, checksum } : null };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Writes the note and syncs it: an empty one after a power loss would refuse the image. */
export async function writeBaseNote(path: string, { image, converted }: BaseNote): Promise<void> {
  const lines = [image, ...(converted === null ? [] : [`${converted.format} ${converted.checksum}`])];
  await writeFile(noteOf(path), `${lines.join('\n')}\n`, { flush: true });
}

function noteOf(path: string): string {
  return `${path}.checksum`;
}
