import { readFileSync, statSync } from 'node:fs';
import { CodecError } from './codec-error.ts';

const othersMayUse = 0o077;

/** The text of a file that holds a secret. Raises a `CodecError` when anybody but its owner may use it, or when it cannot be read. */
export function readSecretFile(file: string): string {
  try {
    const mode = statSync(file).mode & 0o777;
    if ((mode & othersMayUse) === 0) return readFileSync(file, 'utf8');
    throw new CodecError(`${file} is open to others than its owner (mode ${mode.toString(8).padStart(4, '0')}): chmod 600 ${file}`);
  } catch (error) {
    if (error instanceof CodecError) throw error;
    throw new CodecError(`a file with secrets cannot be read: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
