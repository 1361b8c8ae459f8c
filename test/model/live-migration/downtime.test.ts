import { expect, test } from 'vitest';
import { downtimeAt, downtimeSteps } from '../../../src/model/live-migration/downtime.ts';

test('the pause that a guest may have grows as in the table', () => {
  const steps = downtimeSteps({ maxMs: 400, steps: 10, delaySeconds: 90 });
  expect(steps.map(({ afterSeconds, downtimeMs }) => [afterSeconds, downtimeMs])).toEqual([
    [0, 37],
    [90, 38],
    [180, 39],
    [270, 42],
    [360, 46],
    [450, 55],
    [540, 70],
    [630, 98],
    [720, 148],
    [810, 238],
    [900, 400],
  ]);
});

test.for([
  [0, 37],
  [89.9, 37],
  [90, 38],
  [899, 238],
  [900, 400],
  [100_000, 400],
] as const)('after %d seconds it is %d ms', ([elapsed, downtime]) => {
  expect(downtimeAt(downtimeSteps({ maxMs: 400, steps: 10, delaySeconds: 90 }), elapsed)).toBe(downtime);
});

test.for([1, 30, 100, 500, 2_000_000])('the last step is the %i ms that were asked for, and no step is longer', (maxMs) => {
  const downtimes = downtimeSteps({ maxMs, steps: 10, delaySeconds: 1 }).map(({ downtimeMs }) => downtimeMs);
  expect(downtimes.at(-1)).toBe(maxMs);
  const sorted = [...downtimes].sort((one, other) => one - other);
  expect(downtimes).toEqual(sorted);
});
