import { expect, test } from 'vitest';
import { passedStates } from '../../../scripts/demo/states.ts';

const at = (seconds: number) => new Date(seconds * 1000).toISOString();

test('a state has passed once the record says the next, and lasted until then', () => {
  const history = [
    { taskState: 'scheduling', at: at(1) },
    { taskState: null, at: at(1.25) },
    { taskState: 'networking', at: at(2) },
  ] as const;

  expect(passedStates(history)).toEqual([
    { taskState: 'scheduling', milliseconds: 250 },
    { taskState: null, milliseconds: 750 },
  ]);
});

test('the end of an operation is no state of it', () => {
  const history = [
    { taskState: 'deleting', at: at(1) },
    { taskState: null, at: at(3) },
  ] as const;

  expect(passedStates(history)).toEqual([{ taskState: 'deleting', milliseconds: 2000 }]);
});

test('an operation that has not begun has passed no state', () => {
  expect(passedStates([])).toEqual([]);
});
