import { once } from 'node:events';
import { join } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { expect, test, vi } from 'vitest';
import { withLock } from '../../src/activities/lock.ts';
import { processesWithOpen } from '../../src/activities/processes.ts';
import { run } from '../../src/activities/run.ts';
import {
  activityContext,
  endedBy,
  inActivity,
  lockHolder,
  ownDirectory,
  spawnLocking,
  untilHoldersSeen,
  untilOpenHere,
} from './surroundings.ts';

vi.mock(import('../../src/activities/processes.ts'), { spy: true });

vi.setConfig({ testTimeout: 30_000 }); // one wait for a lock takes 2 s

test('works under one lock run one after the other, also within a process', async () => {
  const directory = await ownDirectory();
  const path = join(directory, 'lock');
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const inside = Promise.withResolvers<void>();
  const first = withLock(path, async () => {
    order.push('first begins');
    inside.resolve();
    await gate.promise;
    order.push('first ends');
  });
  await inside.promise;
  const second = withLock(path, async () => {
    order.push('second begins');
  });
  await untilOpenHere(2, path);
  gate.resolve();
  await Promise.all([first, second]);
  expect(order).toStrictEqual(['first begins', 'first ends', 'second begins']);
});

test('a lock is free again after a work that failed', async () => {
  const directory = await ownDirectory();
  const path = join(directory, 'lock');
  await expect(withLock(path, () => Promise.reject(new Error('the work fails')))).rejects.toThrow('the work fails');
  expect(await withLock(path, async () => 'done')).toBe('done');
});

test('every command started under locks holds them all', async () => {
  const directory = await ownDirectory();
  const [outer, inner] = [join(directory, 'outer'), join(directory, 'inner')];
  const open = (descriptor: number) => run('readlink', [`/proc/self/fd/${descriptor}`]).then(({ stdout }) => stdout);
  const seen = await withLock(outer, () => withLock(inner, async () => [await open(3), await open(4)]));
  expect(seen).toStrictEqual([outer, inner]);
});

test('a lock held by a command that outlived its worker is waited for', async () => {
  const directory = await ownDirectory();
  const path = join(directory, 'lock');
  const worker = spawnLocking(path, "spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', lock], detached: true }).unref();");
  await once(worker, 'exit');
  const [orphan] = await processesWithOpen(path);
  if (orphan === undefined) throw new Error('the command did not outlive its worker');
  vi.mocked(processesWithOpen).mockClear();
  let isIn = false;
  const waiting = withLock(path, async () => {
    isIn = true;
  });
  await untilHoldersSeen(path);
  expect(isIn).toBe(false);
  process.kill(orphan.pid, 'SIGKILL');
  await waiting;
  expect(isIn).toBe(true);
});

test('a holder that is frozen is killed', async () => {
  const directory = await ownDirectory();
  const path = join(directory, 'lock');
  const holder = await lockHolder(path);
  holder.kill('SIGSTOP');
  expect(await withLock(path, async () => 'done')).toBe('done');
  expect(await endedBy(holder)).toBe('SIGKILL');
});

test('a cancel ends the wait for a lock, as a cancel, with nothing done', async () => {
  const directory = await ownDirectory();
  const path = join(directory, 'lock');
  await lockHolder(path);
  const activity = activityContext();
  const waiting = inActivity(() => withLock(path, async () => 'done'), activity);
  const end = expect(waiting).rejects.toThrow(CancelledFailure);
  await untilOpenHere(1, path);
  activity.cancel();
  await end;
  await untilOpenHere(0, path);
});
