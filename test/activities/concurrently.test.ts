import { expect, test } from 'vitest';
import { concurrently } from '../../src/activities/concurrently.ts';

test('results stand in the order of their items, however they end', async () => {
  const gates = [1, 2, 3].map(() => Promise.withResolvers<void>());
  const all = concurrently([0, 1, 2], 3, async (index) => {
    await gates[index]?.promise;
    return index;
  });
  for (const gate of gates.reverse()) gate.resolve();
  expect(await all).toEqual([0, 1, 2]);
});

test('never more than the limit are under way', async () => {
  let running = 0;
  let most = 0;
  await concurrently([1, 2, 3, 4, 5, 6, 7], 3, async () => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
  });
  expect(most).toBe(3);
});

test('after a failure nothing more is begun', async () => {
  const begun: number[] = [];
  const work = concurrently([1, 2, 3, 4], 1, async (item) => {
    begun.push(item);
    if (item === 2) throw new Error('the second fails');
  });
  await expect(work).rejects.toThrow('the second fails');
  expect(begun).toEqual([1, 2]);
});

test('nothing is done about no items', async () => {
  expect(await concurrently([], 4, async () => 'done')).toEqual([]);
});
