import { expect, test } from 'vitest';
import { ageText, bytesText, durationText } from '../../src/cli/quantities.ts';

test.for([
  [-5, '0 ms'],
  [0, '0 ms'],
  [31.4, '31 ms'],
  [999, '999 ms'],
  [1_000, '1.00 s'],
  [9_994, '9.99 s'],
  [12_345, '12.3 s'],
  [60_000, '1 min'],
  [185_000, '3 min 5 s'],
  [7_800_000, '2 h 10 min'],
  [356_400_000, '4 d 3 h'],
] as const)('%d ms last %s', ([ms, text]) => {
  expect(durationText(ms)).toBe(text);
});

test.for([
  [0, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [3_599_000, '59m'],
  [3_600_000, '1h'],
  [86_399_000, '23h'],
  [86_400_000, '1d'],
  [-10_000, '0s'],
] as const)('what happened %d ms ago has the age %s', ([ms, text]) => {
  expect(ageText(new Date(1e12 - ms).toISOString(), 1e12)).toBe(text);
});

test.for([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [10 * 1024, '10 KiB'],
  [80 * 1024 ** 2, '80 MiB'],
  [2 * 1024 ** 3, '2.0 GiB'],
  [3 * 1024 ** 5, '3072 TiB'],
] as const)('%d bytes are %s', ([bytes, text]) => {
  expect(bytesText(bytes)).toBe(text);
});
