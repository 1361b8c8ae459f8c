import { expect, test } from 'vitest';
import { inTurn } from '../../src/activities/in-turn.ts';

test('eight works for one record are under way at a time, the others follow in order, failed ones make room too', async () => {
  let underWay = 0;
  let most = 0;
  const order: number[] = [];
  const works = Array.from({ length: 30 }, (_, index) =>
    inTurn('host/cn1', async () => {
      order.push(index);
      underWay += 1;
      most = Math.max(most, underWay);
      await Promise.resolve();
      underWay -= 1;
      if (index % 3 === 0) throw new Error('refused');
    }),
  );
  const ends = await Promise.allSettled(works);
  expect(most).toBe(8);
  expect(order).toEqual(works.map((_, index) => index));
  expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(10);
});

test('records do not wait for each other', async () => {
  const held = Promise.withResolvers<void>();
  const waiting = Array.from({ length: 9 }, () => inTurn('host/cn1', () => held.promise));
  expect(await inTurn('host/cn2', async () => 'done')).toBe('done');
  held.resolve();
  await Promise.all(waiting);
});
