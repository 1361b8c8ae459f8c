import { stripVTControlCharacters } from 'node:util';

/** What a guest wrote, safe on a terminal: a guest writes what it likes, and an escape sequence would act on the reader's terminal. */
export function printable(output: string): string {
  return stripVTControlCharacters(output)
    .replaceAll(/(?![\n\t])\p{Cc}/gu, '')
    .trimEnd();
}
