import { expect, test } from 'vitest';
import { macOf, tapNameOf } from '../../src/model/port.ts';

const id = '6a1b2c3d-0000-4000-8000-000000000001';

test('a tap’s name fits into the kernel’s 15 characters', () => {
  expect(tapNameOf(id, 0)).toMatch(/^tap[0-9a-f]{11}$/);
});

test('a MAC address lies in OpenStack’s range', () => {
  expect(macOf(id, 0)).toMatch(/^fa:16:3e(:[0-9a-f]{2}){3}$/);
});

// Expected values by `printf %s 6a1b2c3d-0000-4000-8000-000000000001/1 | sha256sum`.
test('names and addresses never change from one release to the next', () => {
  expect(tapNameOf(id, 1)).toBe('tap353838fc509');
  expect(macOf(id, 1)).toBe('fa:16:3e:35:38:38');
});

test('the ports of an instance differ', () => {
  expect(new Set([0, 1, 2, 3].map((index) => tapNameOf(id, index))).size).toBe(4);
  expect(new Set([0, 1, 2, 3].map((index) => macOf(id, index))).size).toBe(4);
});
