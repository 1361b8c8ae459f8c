import type { Candidate } from './candidate.ts';

/** How good a host is in one respect: a raw value, and the bounds it is normalised with. */
export interface Weigher {
  readonly name: string;
  readonly rawOf: (candidate: Candidate) => number;
  /** Times the normalised value; negative prefers small values, 0 takes no part. */
  readonly multiplier: number;
  /** A fixed bound of the raw value; null takes the best or worst of the hosts that are compared. */
  readonly lowest: number | null;
  readonly highest: number | null;
}

/** Nova's weighers of free resources with their defaults: more is better, and nothing free weighs 0. */
export const weighers: readonly Weigher[] = [
  { name: 'ram', rawOf: ({ free }) => free.memoryMiB, multiplier: 1, lowest: 0, highest: null },
  { name: 'cpu', rawOf: ({ free }) => free.vcpus, multiplier: 1, lowest: 0, highest: null },
  { name: 'disk', rawOf: ({ free }) => free.diskGiB, multiplier: 1, lowest: 0, highest: null },
];

/** The weighers with the multipliers that the configuration sets by name. */
export function weighersWith(multipliers: Readonly<Record<string, number>>): readonly Weigher[] {
  return weighers.map((weigher) => ({ ...weigher, multiplier: multipliers[weigher.name] ?? weigher.multiplier }));
}

/** The smallest and the largest of some numbers. */
interface Range {
  readonly lowest: number;
  readonly highest: number;
}

/**
 * `raw` as parts of [0, 1], in Nova's way (`nova.weights.normalize`): values are cut at the fixed bounds, then placed
 * between the fixed bounds, or where there is none between the extremes of the list. All equal is 0.
 */
export function normalise(raw: readonly number[], { lowest, highest }: Pick<Weigher, 'lowest' | 'highest'>): readonly number[] {
  const cut = raw.map((value) => Math.min(Math.max(value, lowest ?? Number.NEGATIVE_INFINITY), highest ?? Number.POSITIVE_INFINITY));
  const found = rangeOf(cut);
  const from = lowest ?? found.lowest;
  const width = (highest ?? found.highest) - from;
  return width <= 0 ? cut.map(() => 0) : cut.map((value) => (value - from) / width);
}

function rangeOf(values: readonly number[]): Range {
  return values.reduce<Range>(({ lowest, highest }, value) => ({ lowest: Math.min(lowest, value), highest: Math.max(highest, value) }), {
    lowest: Number.POSITIVE_INFINITY,
    highest: Number.NEGATIVE_INFINITY,
  });
}
