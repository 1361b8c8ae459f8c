import Table from 'cli-table3';

const edges = ['top', 'bottom', 'left', 'mid', 'right', 'middle'] as const;
const noLines = Object.fromEntries([...edges, ...edges.flatMap((a) => edges.map((b) => `${a}-${b}`))].map((edge) => [edge, '']));

/** Rows below a header, each column as wide as its widest cell. Nothing is cut: cells are there to be copied. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return drawn([header, ...rows]);
}

/** A name and a value a line; what is null is left out. */
export function sheet(lines: readonly (readonly [string, string | null])[]): string {
  return drawn(lines.flatMap(([name, value]) => (value === null ? [] : [[`${name}:`, value]])));
}

function drawn(rows: readonly (readonly string[])[]): string {
  const lines = new Table({ chars: noLines, style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [], compact: true } });
  lines.push(...rows.map((cells) => [...cells]));
  return lines
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
