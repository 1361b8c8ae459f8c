import { expect, test } from 'vitest';
import { type Finding, lasting } from '../../../src/model/verify/finding.ts';

function finding(what: string, changes: Partial<Finding> = {}): Finding {
  return { kind: 'UnknownFile', host: 'cn1', what, likelyCause: 'somebody put it there', ...changes };
}

test('what only one of two looks has found has passed by', () => {
  expect(lasting([finding('a'), finding('b')], [finding('b'), finding('c')])).toEqual([finding('b')]);
});

test('the same thing on another host, or of another kind, is another thing', () => {
  expect(lasting([finding('a')], [finding('a', { host: 'cn2' }), finding('a', { kind: 'FileMissing' })])).toEqual([]);
});

test('what several hosts see of a place that they share is told once, with the words of the later look', () => {
  const shared = { host: null, likelyCause: 'the later words' };
  expect(lasting([finding('a', { host: null })], [finding('a', shared), finding('a', shared)])).toEqual([finding('a', shared)]);
});
