/** The part of a command's `--help` that shows how it is used; each line can be pasted. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ novaflow ${line}`).join('\n')}`;
}
