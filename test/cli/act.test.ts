import { ApplicationFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { call, keptTerminal } from './surroundings.ts';

test('an action on several instances is started on all of them, whose ids are printed', async () => {
  let made = 0;
  const result = async () => {
    made += 1;
    return { id: `instance-${made}` };
  };
  const { asked, out, exitCode } = await call(['-q', 'instance', 'stop', 'web1', 'web2', '--timeout', '5'], { result });
  expect(asked).toEqual([
    ['start', 'stopInstance', 'web1', { instanceId: 'id of web1', timeoutSeconds: 5 }],
    ['start', 'stopInstance', 'web2', { instanceId: 'id of web2', timeoutSeconds: 5 }],
  ]);
  expect({ out, exitCode }).toEqual({ out: 'instance-1\ninstance-2', exitCode: exitCodes.ok });
});

test('an action that fails on one instance is told, and what the others have become is printed', async () => {
  let made = 0;
  const result = async () => {
    made += 1;
    if (made !== 2) return { id: `instance-${made}` };
    throw ApplicationFailure.nonRetryable('instance web2 is active: only one that is stopped can be started', 'InvalidState');
  };
  const { out, err, exitCode } = await call(['-q', 'instance', 'start', 'web1', 'web2', 'web3'], { result });
  expect(out).toBe('instance-1\ninstance-3');
  expect(err).toContain('InvalidState: instance web2 is active');
  expect(exitCode).toBe(exitCodes.refused);
});

test('an action that nobody waits for prints the ids of its operations', async () => {
  const { out, exitCode } = await call(['instance', 'start', 'web1', 'web2', '--no-wait']);
  expect({ out, exitCode }).toEqual({ out: 'startInstance/web1/1\nstartInstance/web2/1', exitCode: exitCodes.ok });
});

test('a new password is asked for twice, and never typed on the command line', async () => {
  const { asked, err } = await call(['-q', 'instance', 'set-password', 'web1'], {}, keptTerminal({ answers: ['swordfish', 'swordfish'] }));
  expect(asked).toEqual([['start', 'setInstancePassword', 'web1', { instanceId: 'id of web1', adminPassword: 'swordfish' }]]);
  expect(err).toContain('new password: \nonce more: ');
});

test('a new password that was not typed twice alike, and one that was left by Ctrl-C, change nothing', async () => {
  for (const [answers, exitCode] of [
    [['swordfish', 'swordfisch'], exitCodes.refused],
    [['swordfish', null], exitCodes.left],
  ] as const) {
    const end = await call(['instance', 'set-password', 'web1'], {}, keptTerminal({ answers }));
    expect(end).toMatchObject({ asked: [], exitCode });
  }
});

test('where nobody sits a new password is the first line of standard input', async () => {
  const { asked } = await call(['-q', 'instance', 'set-password', 'web1'], {}, keptTerminal({ input: 'sword fish \nmore' }));
  expect(asked).toEqual([['start', 'setInstancePassword', 'web1', { instanceId: 'id of web1', adminPassword: 'sword fish ' }]]);
});
