import { expect, test } from 'vitest';
import { satisfies, versionNumber } from '../../src/scheduler/versions.ts';

test.for<[string, number]>([
  ['7.2.22', 7_002_022],
  ['10.0.0', 10_000_000],
  ['8.1', 8_001_000],
  ['', 0],
  ['unknown', 0],
])('version %s is the number %d', ([version, number]) => {
  expect(versionNumber(version)).toBe(number);
});

test.for<[string, string, boolean]>([
  ['7.2.0', '>=7.2', true],
  ['7.2.0', '>7.2', false],
  ['7.2.0', '>=6.0, <8', true],
  ['8.0.0', '>=6.0,<8', false],
  ['7.2.0', '== 7.2.0', true],
  ['7.2.0', '!=7.2.0', false],
  ['7.2.0', '<=7.1', false],
  ['7.2.0', '7.2.0', false],
  ['7.2.0', 'new', false],
])('version %s is what "%s" wants: %s', ([version, predicate, expected]) => {
  expect(satisfies(version, predicate)).toBe(expected);
});
