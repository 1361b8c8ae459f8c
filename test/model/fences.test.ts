import { expect, test } from 'vitest';
import { type Fence, fenced, isFenced } from '../../src/model/fences.ts';

const fences: readonly Fence[] = [{ owner: 'web1', generation: 3 }];

test.for<[string, string, number, boolean]>([
  ['of the generation that gave back', 'web1', 3, true],
  ['of an earlier generation', 'web1', 2, true],
  ['of a later generation', 'web1', 4, false],
  ['of another owner', 'web2', 1, false],
])('an attempt %s is recognised', ([, owner, generation, expected]) => {
  expect(isFenced(fences, owner, generation)).toBe(expected);
});

test('an owner has one fence, the highest', () => {
  expect(fenced(fences, 'web1', 5)).toStrictEqual([{ owner: 'web1', generation: 5 }]);
  expect(fenced(fences, 'web1', 2)).toStrictEqual([{ owner: 'web1', generation: 3 }]);
  expect(fenced(fences, 'web2', 1)).toStrictEqual([
    { owner: 'web1', generation: 3 },
    { owner: 'web2', generation: 1 },
  ]);
});

test('the last 500 owners are remembered', () => {
  const many = Array.from({ length: 501 }, (_, index) => `web${index}`).reduce<readonly Fence[]>(
    (known, owner) => fenced(known, owner, 1),
    [],
  );
  expect(many).toHaveLength(500);
  expect(isFenced(many, 'web0', 1)).toBe(false);
  expect(isFenced(many, 'web1', 1)).toBe(true);
});
