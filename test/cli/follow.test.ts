import { expect, test } from 'vitest';
import type { Sight } from '../../src/cli/cloud.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import type { KeptTerminal } from './surroundings.ts';
import { call, keptTerminal } from './surroundings.ts';

const running: Sight = { operation: null, instance: null, pending: [], isOver: false };
const deleted = { id: 'i1', name: 'web1' };

/** Sights of an operation during which somebody presses Ctrl-C so many times, once a look; then it is over. */
function interrupted(terminal: KeptTerminal, times: number): (signal: AbortSignal) => AsyncGenerator<Sight> {
  let left = times;
  return async function* sights(signal) {
    while (left > 0) {
      yield running;
      left -= 1;
      terminal.interrupt();
      if (signal.aborted) return;
    }
    yield { ...running, isOver: true };
  };
}

/** Deletes an instance and presses Ctrl-C; questions are answered in turn. */
function deletion(answers: readonly (string | null)[], presses = answers.length) {
  const terminal = keptTerminal({ answers });
  return call(['instance', 'delete', 'web1'], { result: async () => deleted, sights: interrupted(terminal, presses) }, terminal);
}

const cancels = (asked: readonly (readonly unknown[])[]) => asked.filter(([what]) => what === 'cancel').length;

test('an operation that nobody interrupts is followed to its end', async () => {
  expect(await deletion([])).toMatchObject({ exitCode: 0, out: 'web1 (i1) is deleted' });
});

test.for([['l'], ['leave'], [null]] as const)(
  'answered %s, Ctrl-C leaves the operation running and says how to find it',
  async (answers) => {
    const { exitCode, err, out, asked } = await deletion(answers);
    expect({ exitCode, out, cancels: cancels(asked) }).toEqual({ exitCode: exitCodes.left, out: '', cancels: 0 });
    expect(err).toContain('novaflow op show deleteInstance/web1/1');
    expect(err).toContain('novaflow op cancel deleteInstance/web1/1');
  },
);

test('answered c, Ctrl-C cancels the operation and waits for its end', async () => {
  const { exitCode, asked } = await deletion(['c']);
  expect({ exitCode, cancels: cancels(asked) }).toEqual({ exitCode: 0, cancels: 1 });
});

test('after a cancel the next Ctrl-C leaves without another question', async () => {
  const { exitCode, asked, err } = await deletion(['c'], 2);
  expect({ exitCode, cancels: cancels(asked) }).toEqual({ exitCode: exitCodes.left, cancels: 1 });
  expect(err.match(/\[c\]ancel/g)).toHaveLength(1);
});

test('answered otherwise, Ctrl-C waits on, and may be pressed again', async () => {
  expect(await deletion(['w', ''])).toMatchObject({ exitCode: 0 });
});

test('a parked operation says so once', async () => {
  const parked = {
    number: 1,
    step: 'createDisks',
    host: 'cn1',
    attention: 'StepFailed',
    failure: { type: 'DiskSpaceLow', message: 'no space' },
    since: '2026-01-01T00:00:00.000Z',
    mayChange: [],
  } as const;
  const operation = { type: 'deleteInstance', instanceId: null, step: null, steps: [], parked };
  const { err } = await call(['instance', 'delete', 'web1'], {
    result: async () => deleted,
    sights: async function* sights() {
      yield { ...running, operation };
      yield { ...running, operation };
      yield { ...running, isOver: true };
    },
  });
  expect(err.match(/parked at createDisks on cn1/g)).toHaveLength(1);
});

test('Ctrl-C as the operation ends asks nothing', async () => {
  const terminal = keptTerminal();
  const sights = async function* sights() {
    yield { ...running, isOver: true };
    terminal.interrupt();
  };
  const { exitCode, err } = await call(['instance', 'delete', 'web1'], { result: async () => deleted, sights }, terminal);
  expect(exitCode).toBe(0);
  expect(err).not.toContain('[c]ancel');
});

test('an operation that is over is not cancelled', async () => {
  const { exitCode, err, asked } = await call(['op', 'cancel', 'build/web1/1'], { status: 'completed' });
  expect({ exitCode, err, asked }).toEqual({ exitCode: 2, err: 'build/web1/1 has ended before: completed', asked: [] });
});

test('a cancel that comes too late ends with 1', async () => {
  const late = await call(['op', 'cancel', 'build/web1/1'], { statusLater: 'completed' });
  const heard = await call(['op', 'cancel', 'build/web1/1'], { statusLater: 'cancelled' });
  expect(late).toMatchObject({ exitCode: 1, out: 'build/web1/1 is completed', asked: [['cancel', 'build/web1/1']] });
  expect(heard).toMatchObject({ exitCode: 0, out: 'build/web1/1 is cancelled' });
});
