/** The largest number that a CPU may have in a set: Linux has at most 8192 of them. */
const maxCpu = 8191;

/** The CPUs that a text names as Nova writes them (`4-12,^8,15`), in order; null when it names none, or is none. */
export function cpusIn(text: string): readonly number[] | null {
  const named = new Set<number>();
  const excluded = new Set<number>();
  for (const part of text.split(',')) {
    const [, not, first, last = first] = /^\s*(\^?)(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last)];
    const isRange = from <= to && to <= maxCpu; // false of what is no number
    if (!isRange) return null;
    for (let cpu = from; cpu <= to; cpu += 1) (not === '^' ? excluded : named).add(cpu);
  }
  const cpus = [...named].filter((cpu) => !excluded.has(cpu)).sort((a, b) => a - b);
  return cpus.length === 0 ? null : cpus;
}

/** CPUs as libvirt writes a set of them: `4-7,9`. */
export function cpuSetOf(cpus: readonly number[]): string {
  const ranges: { from: number; to: number }[] = [];
  for (const cpu of cpus.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && cpu === last.to + 1) last.to = cpu;
    else ranges.push({ from: cpu, to: cpu });
  }
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}
