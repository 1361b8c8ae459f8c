import { expect, test } from 'vitest';
import { type Figure, figuresTable, median, verdictOn } from '../../bench/figures.ts';

const figure: Figure = {
  name: 'build → active',
  unit: 'ms',
  ours: [700, 500, 600],
  beside: { what: 'floor', samples: [200, 300] },
  limit: { text: 'floor + 400 ms', of: (floor) => floor + 400 },
  voidBecause: null,
};

test.each([
  [[3], 3],
  [[3, 1], 2],
  [[9, 1, 5], 5],
  [[4, 1, 3, 2], 2.5],
  [[], Number.NaN],
])('the median of %j is %d', (samples, middle) => {
  expect(median(samples)).toBe(middle);
});

test('a figure is held against the median beside it', () => {
  expect(verdictOn(figure)).toEqual({ ours: 600, beside: 250, ratio: 2.4, difference: 350, limit: 650, isReached: true });
  expect(verdictOn({ ...figure, ours: [651] }).isReached).toBe(false);
});

test('a figure without samples, or whose guests did not come up, is not reached', () => {
  expect(verdictOn({ ...figure, ours: [] }).isReached).toBe(false);
  const unproved = { ...figure, voidBecause: 'GUEST UP did not come' };
  expect(verdictOn(unproved).isReached).toBe(false);
  expect(figuresTable([unproved])).toContain('void: GUEST UP did not come');
});
