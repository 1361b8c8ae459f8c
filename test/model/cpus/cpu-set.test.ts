import { expect, test } from 'vitest';
import { cpuSetOf, cpusIn } from '../../../src/model/cpus/cpu-set.ts';

test.for([
  ['1', [1]],
  ['0-3', [0, 1, 2, 3]],
  ['4-12,^8,15', [4, 5, 6, 7, 9, 10, 11, 12, 15]],
  ['^8, 4-9', [4, 5, 6, 7, 9]],
  ['4-12,^5-11', [4, 12]],
  ['3,1,3', [1, 3]],
  ['', null],
  ['3-1', null],
  ['1-^2', null],
  ['^1', null],
  ['1,^1', null],
  ['1,,2', null],
  ['all', null],
  ['-1', null],
  ['8192', null],
] as readonly (readonly [string, readonly number[] | null])[])('the text "%s" names %o', ([text, cpus]) => {
  expect(cpusIn(text)).toStrictEqual(cpus);
});

test.for([
  [[], ''],
  [[7], '7'],
  [[9, 4, 5, 6], '4-6,9'],
  [[0, 2, 4], '0,2,4'],
] as readonly (readonly [readonly number[], string])[])('%o are written "%s"', ([cpus, text]) => {
  expect(cpuSetOf(cpus)).toBe(text);
});
