import { expect, test } from 'vitest';
import { ends, internals, publicTypeOf, refusals } from '../../src/model/failure.ts';

test.for<[string | null | undefined, string | null]>([
  ['InstanceBusy', 'InstanceBusy'],
  ['NoValidHost', 'NoValidHost'],
  ['OperationFailed', 'OperationFailed'],
  ['ImageUnusableHere', 'ImageUnacceptable'],
  ['FormatUnusableHere', 'InvalidBdmFormat'],
  ['StaleToken', null],
  ['CapacityTaken', null],
  ['DomainNotFound', null],
  ['LibvirtError', null],
  ['', null],
  [null, null],
  [undefined, null],
])('a client sees %s as %s', ([type, expected]) => {
  expect(publicTypeOf(type)).toBe(expected);
});

test('no type has two meanings', () => {
  const all = [...refusals, ...ends, ...internals];
  expect(new Set(all).size).toBe(all.length);
});
