/** A fixed bound of a raw value; null takes the best or worst of the hosts that are compared. */
export interface Bounds {
  readonly lowest: number | null;
  readonly highest: number | null;
}

/**
 * `raw` as parts of [0, 1], in Nova's way (`nova.weights.normalize`): values are cut at the fixed bounds, then placed
 * between the fixed bounds, or where there is none between the extremes of the list. All equal is 0.
 */
export function normalise(raw: readonly number[], { lowest, highest }: Bounds): readonly number[] {
  const cut = raw.map((value) => Math.min(Math.max(value, lowest ?? Number.NEGATIVE_INFINITY), highest ?? Number.POSITIVE_INFINITY));
  const from = lowest ?? cut.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const to = highest ?? cut.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const width = to - from;
  return width <= 0 ? cut.map(() => 0) : cut.map((value) => (value - from) / width);
}
