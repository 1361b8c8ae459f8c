import { CancelledFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { CommandFailed } from '../../src/activities/failures.ts';
import { type Limits, run } from '../../src/activities/run.ts';
import { activityContext, inActivity, ownDirectory, untilOpenBy } from './surroundings.ts';

const wide: Limits = { cpuSeconds: 60, wallSeconds: 60, addressSpaceBytes: 1024 ** 3 };

function endOf(command: string, limits: Limits): Promise<unknown> {
  return run('sh', ['-c', command], { limits }).then(
    () => 'well',
    (error: unknown) => error,
  );
}

test.for<[string, string, Partial<Limits>]>([
  ['cpuSeconds', 'while :; do :; done', { cpuSeconds: 1 }],
  ['wallSeconds', 'exec sleep 100', { wallSeconds: 1 }],
  ['outputBytes', 'exec yes', {}],
  // Machine-wide load decides how long a second of CPU takes: 5 s went by beside seven other test runs.
])('a command is ended at its limit of %s, which its failure names', { timeout: 60_000 }, async ([reached, command, limits]) => {
  const end = await endOf(command, { ...wide, ...limits });
  expect(end).toBeInstanceOf(CommandFailed);
  expect(end).toMatchObject({ reached });
});

test('a command gets no more memory than its limit', async () => {
  const big = 'exec dd if=/dev/zero of=/dev/null bs=256M count=1 status=none';
  expect(await endOf(big, wide)).toBe('well');
  expect(await endOf(big, { ...wide, addressSpaceBytes: 128 * 1024 ** 2 })).toMatchObject({ exitCode: 1, reached: null });
});

test('a command within its limits gives its output and its exit code', async () => {
  expect(await run('echo', ['a b'], { limits: wide })).toStrictEqual({ stdout: 'a b', stderr: '' });
  expect(await endOf('echo no >&2; exit 3', wide)).toMatchObject({ exitCode: 3, reached: null, message: expect.stringContaining('no') });
});

test('what a command prints is told while it runs', async () => {
  const told: string[] = [];
  const onOutput = (text: string) => void told.push(text);
  await run('sh', ['-c', 'printf one; exec cat "$0"', '/dev/null'], { onOutput });
  expect(told.join('')).toBe('one');
});

test('a cancel ends a limited command itself, not only what bounds it', async () => {
  const open = `${await ownDirectory()}/open`;
  const activity = activityContext();
  const running = inActivity(() => run('sh', ['-c', 'exec 9>>"$0"; exec sleep 100', open], { limits: wide }), activity);
  const ended = expect(running).rejects.toThrow(CancelledFailure);
  await untilOpenBy(1, open);
  activity.cancel();
  await ended;
  await untilOpenBy(0, open);
});
