import { expect, test } from 'vitest';
import { soleCleaner, soleDemo } from '../../../scripts/demo/sole-demo.ts';

test('a second demo on a lab is refused with the pid of the first', async () => {
  await using _first = await soleDemo('test-sole');

  await expect(soleDemo('test-sole')).rejects.toThrow(`a demo runs already (pid ${process.pid}): end it with Ctrl-C, or use it`);
});

test('demos on two labs do not know of each other', async () => {
  await using _first = await soleDemo('test-sole');
  await using second = await soleDemo('test-other');

  expect(second).not.toBeNull();
});

test('a demo waits for the cleaner of the one before', async () => {
  const cleaner = await soleCleaner('test-sole');
  const order: string[] = [];
  const demo = soleDemo('test-sole').then((held) => {
    order.push('demo');
    return held;
  });

  order.push('cleaner is done');
  await cleaner?.[Symbol.asyncDispose]();
  await using _held = await demo;

  expect(order).toEqual(['cleaner is done', 'demo']);
});

test('a cleaner gives way to a demo that is there first', async () => {
  await using _demo = await soleDemo('test-sole');

  expect(await soleCleaner('test-sole')).toBeNull();
});
