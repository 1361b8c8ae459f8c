import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';

/** A line of a key file, with a key of its own. */
export function keyLine(id: string): string {
  return `${id} ${randomBytes(32).toString('base64')}\n`;
}

/** Writes a key file that only its owner may read. */
export function writeKeys(file: string, ...lines: readonly string[]): string {
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  return file;
}
