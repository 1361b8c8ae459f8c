import { expect, test } from 'vitest';
import { ends, internals, isPublic, refusals } from '../../src/model/failure.ts';

test.for<[string | null | undefined, boolean]>([
  ['InstanceBusy', true],
  ['NoValidHost', true],
  ['OperationFailed', true],
  ['StaleToken', false],
  ['CapacityTaken', false],
  ['DomainNotFound', false],
  ['LibvirtError', false],
  ['', false],
  [null, false],
  [undefined, false],
])('a client may see %s: %s', ([type, expected]) => {
  expect(isPublic(type)).toBe(expected);
});

test('no type has two meanings', () => {
  const all = [...refusals, ...ends, ...internals];
  expect(new Set(all).size).toBe(all.length);
});
