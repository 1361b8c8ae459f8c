import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { kill, processesWithOpen, processOf } from '../../src/activities/processes.ts';
import { endedBy, lockHolder, ownDirectory } from './surroundings.ts';

const noPid = 2 ** 22 + 1; // above the kernel's PID_MAX_LIMIT

test('a process is known by its pid and its start', async () => {
  expect(await processOf(process.pid)).toStrictEqual({ pid: process.pid, startTicks: expect.any(Number), isStopped: false });
  expect((await processOf(process.pid))?.startTicks).toBeGreaterThan(0);
  expect(await processOf(noPid)).toBeNull();
});

test('a process that is frozen is seen to be', async () => {
  const directory = await ownDirectory();
  const { pid = 0 } = await lockHolder(join(directory, 'lock'));
  process.kill(pid, 'SIGSTOP');
  await vi.waitFor(async () => expect(await processOf(pid)).toMatchObject({ isStopped: true }));
});

test('the processes that have a file open are found, all but this one', async () => {
  const directory = await ownDirectory();
  const path = join(directory, 'lock');
  expect(await processesWithOpen(path)).toStrictEqual([]);
  const { pid } = await lockHolder(path);
  expect((await processesWithOpen(path)).map((one) => one.pid)).toStrictEqual([pid]);
});

test('a process is killed, and never one that has its pid by now', async () => {
  const directory = await ownDirectory();
  const child = await lockHolder(join(directory, 'lock'));
  const view = await processOf(child.pid ?? 0);
  if (view === null) throw new Error('the child is gone');
  await kill({ ...view, startTicks: view.startTicks - 1 });
  await kill({ pid: noPid, startTicks: 1, isStopped: false });
  expect(await processOf(view.pid)).toStrictEqual(view);
  await kill(view);
  expect(await endedBy(child)).toBe('SIGKILL');
});
