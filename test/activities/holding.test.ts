import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { readGeneration, writeGeneration } from '../../src/activities/generation.ts';
import { holdingFiles, holdingIn } from '../../src/activities/holding.ts';
import type { Token } from '../../src/model/tenure.ts';
import { endedBy, inActivity, lockHolder, ownDirectory, untilHoldersSeen, untilOpenHere } from './surroundings.ts';

vi.mock(import('../../src/activities/processes.ts'), { spy: true });

vi.setConfig({ testTimeout: 30_000 }); // one wait for a lock takes 2 s

const id = 'web1';
const first: Token = { run: 'first', generation: 1 };
const second: Token = { run: 'second', generation: 2 };

describe('an attempt', () => {
  test('of an operation that is new here notes it before it does anything', async () => {
    const directory = await ownDirectory();
    const seen = await inActivity(() => holdingIn(directory)(id, first, (instance) => readGeneration(instance)));
    expect(seen).toStrictEqual(first);
  });

  test('of a newer operation takes the older one’s place', async () => {
    const directory = await ownDirectory();
    const whileHolding = holdingIn(directory);
    await inActivity(() => whileHolding(id, first, async () => {}));
    await inActivity(() => whileHolding(id, second, async () => {}));
    expect(await readGeneration(join(directory, id))).toStrictEqual(second);
  });

  test('is repeated by its operation', async () => {
    const directory = await ownDirectory();
    const whileHolding = holdingIn(directory);
    for (const attempt of ['one', 'two']) expect(await inActivity(() => whileHolding(id, first, async () => attempt))).toBe(attempt);
  });

  test.for<[string, Token]>([
    ['of an older operation', first],
    ['of another run of the same generation', { run: 'first', generation: 2 }],
  ])('%s is refused with nothing done', async ([, token]) => {
    const directory = await ownDirectory();
    const whileHolding = holdingIn(directory);
    await inActivity(() => whileHolding(id, second, async () => {}));
    const done: string[] = [];
    await expect(inActivity(() => whileHolding(id, token, async () => done.push('effect')))).rejects.toMatchObject({
      type: 'StaleToken',
      nonRetryable: true,
      message: `instance web1 is held by generation 2, this is generation ${token.generation}`,
    });
    expect(done).toStrictEqual([]);
    expect(await readGeneration(join(directory, id))).toStrictEqual(second);
  });

  test('of an earlier step of its own operation is refused with nothing done, however late it wakes', async () => {
    const directory = await ownDirectory();
    const whileHolding = holdingIn(directory);
    const done: number[] = [];
    const step = (number: number) => inActivity(() => whileHolding(id, { ...second, step: number }, async () => done.push(number)));
    for (const number of [1, 2, 5]) await step(number);
    await expect(step(1)).rejects.toMatchObject({
      type: 'StaleToken',
      message: 'instance web1 is held by generation 2 at step 5, this is generation 2 at step 1',
    });
    await step(5);
    expect(done).toStrictEqual([1, 2, 5, 5]);
  });

  test('that waits while a newer one comes is refused when its turn comes', async () => {
    const directory = await ownDirectory();
    const whileHolding = holdingIn(directory);
    const gate = Promise.withResolvers<void>();
    const inside = Promise.withResolvers<void>();
    const newer = inActivity(() =>
      whileHolding(id, second, () => {
        inside.resolve();
        return gate.promise;
      }),
    );
    await inside.promise;
    const older = expect(inActivity(() => whileHolding(id, first, async () => 'effect'))).rejects.toMatchObject({ type: 'StaleToken' });
    await untilOpenHere(2, join(directory, id, 'lock'));
    gate.resolve();
    await Promise.all([newer, older]);
  });

  test('leaves the files of the holding and nothing else', async () => {
    const directory = await ownDirectory();
    await inActivity(() => holdingIn(directory)(id, first, async () => {}));
    expect(new Set(await readdir(join(directory, id)))).toStrictEqual(holdingFiles);
  });
});

describe('a holder in another process', () => {
  test('that works for an older operation is killed by a newer one', async () => {
    const directory = await ownDirectory();
    await mkdir(join(directory, id));
    await writeGeneration(join(directory, id), first);
    const holder = await lockHolder(join(directory, id, 'lock'));
    expect(await inActivity(() => holdingIn(directory)(id, second, async () => 'done'))).toBe('done');
    expect(await endedBy(holder)).toBe('SIGKILL');
  });

  test('that works for the same operation is waited for', async () => {
    const directory = await ownDirectory();
    await mkdir(join(directory, id));
    await writeGeneration(join(directory, id), first);
    const path = join(directory, id, 'lock');
    const holder = await lockHolder(path);
    const attempt = inActivity(() => holdingIn(directory)(id, first, async () => 'done'));
    await untilHoldersSeen(path);
    holder.kill('SIGTERM');
    expect(await attempt).toBe('done');
    expect(await endedBy(holder)).toBe('SIGTERM');
  });
});
