/** A text as a literal in a list query of Temporal's visibility; a quote in it is escaped by a backslash. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
