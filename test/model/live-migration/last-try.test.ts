import { expect, test } from 'vitest';
import { isRestoredPaused, type LastTry, whyNotAnew } from '../../../src/model/live-migration/last-try.ts';

const [ran, paused] = [false, true];
const tryOf = (wasPaused: boolean, end: LastTry['end']): LastTry => ({ wasPaused, end });

test.for([
  ['running', 'none', null, null],
  ['running', 'none', tryOf(ran, 'here'), null],
  ['running', 'none', tryOf(ran, null), null],
  ['paused', 'none', tryOf(ran, 'held'), null],
  ['off', 'none', tryOf(ran, 'held'), null],
  ['held', 'none', null, null],
  ['held', 'none', tryOf(paused, null), null],
  ['held', 'none', tryOf(paused, 'held'), null],
  ['held', 'none', tryOf(ran, 'here'), null],
  ['held', 'none', tryOf(ran, 'gone'), null],
  ['held', 'none', tryOf(ran, 'off'), null],
  ['held', 'none', tryOf(ran, null), 'stands still'],
  ['held', 'none', tryOf(ran, 'held'), 'stands still'],
  ['held', 'migration out', tryOf(paused, null), 'another migration'],
  ['running', 'migration out', null, 'another migration'],
  ['broken', 'none', null, 'broke off'],
  ['broken', 'none', tryOf(paused, 'here'), 'broke off'],
  ['broken', 'migration out', tryOf(ran, null), 'broke off'],
] as const)('a guest that is %s with job %s after %o is moved anew unless it may have gone on elsewhere: %s', ([state, job, last, why]) => {
  const refusal = whyNotAnew({ state, job }, last);
  expect(refusal).toEqual(why === null ? null : expect.stringContaining(why));
});

test('a guest that is held was restored paused where no try to move it says else', () => {
  expect(isRestoredPaused(null)).toBe(true);
  expect(isRestoredPaused(tryOf(ran, null))).toBe(false);
});
