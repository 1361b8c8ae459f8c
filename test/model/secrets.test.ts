import { expect, test } from 'vitest';
import { holdsSecret, secretsOf } from '../../src/model/secrets.ts';

test.for([
  [true, { adminPassword: 'x' }],
  [true, { userData: null }],
  [true, { files: [] }],
  [true, { request: { adminPassword: 'x' } }],
  [true, { secrets: { userData: 'x' } }],
  [false, { secrets: {} }],
  [false, { metadata: { adminPassword: 'x' } }],
  [false, { request: { metadata: { files: 'x' } } }],
  [false, { instance: { metadata: { userData: 'x' } } }],
  [false, 'adminPassword'],
  [false, ['adminPassword']],
  [false, null],
  [false, undefined],
] as const)('it is %s that this holds a secret: %j', ([expected, content]) => {
  expect(holdsSecret(content)).toBe(expected);
});

test('the secrets of a request are its secret fields and nothing else', () => {
  const request = { name: 'web1', adminPassword: 'x', userData: 'aGk=', files: [{ path: '/a', contentsBase64: '' }] };
  expect(secretsOf(request)).toEqual({ adminPassword: 'x', userData: 'aGk=', files: [{ path: '/a', contentsBase64: '' }] });
  expect(secretsOf({})).toEqual({});
});
