import { expect, test } from 'vitest';
import { normalise } from '../../src/scheduler/normalise.ts';

test.for<[string, number[], number | null, number | null, number[]]>([
  ['two hosts with the lower bound 0', [2048, 4096], 0, null, [0.5, 1]],
  ['two hosts without a bound', [2048, 4096], null, null, [0, 1]],
  ['three hosts without a bound', [1024, 2048, 5120], null, null, [0, 0.25, 1]],
  ['three hosts with the lower bound 0', [1024, 2048, 4096], 0, null, [0.25, 0.5, 1]],
  ['both bounds', [10, 25, 40], 0, 100, [0.1, 0.25, 0.4]],
  ['values beyond the bounds, which are cut', [-5, 50, 200], 0, 100, [0, 0.5, 1]],
  ['a host that is overcommitted', [-512, 1024], 0, null, [0, 1]],
  ['an upper bound alone', [0, 50, 200], null, 100, [0, 0.5, 1]],
  ['equal hosts without a bound', [7, 7], null, null, [0, 0]],
  ['equal hosts with the lower bound 0', [7, 7], 0, null, [1, 1]],
  ['hosts with nothing free', [0, 0], 0, null, [0, 0]],
  ['one host', [7], null, null, [0]],
  ['no host', [], 0, null, []],
])('the normalised values of %s', ([, raw, lowest, highest, expected]) => {
  expect(normalise(raw, { lowest, highest })).toStrictEqual(expected);
});
