import { expect, test } from 'vitest';
import { endAtSource, whoseAfter } from '../../../src/model/live-migration/sight.ts';

test.for([
  ['running', 'migration out', false, 'moving'],
  ['held', 'migration out', false, 'moving'],
  ['paused', 'migration out', true, 'moving'],
  ['absent', 'none', false, 'gone'],
  ['moved away', 'none', false, 'gone'],
  ['running', 'none', false, 'here'],
  ['running', 'other', false, 'here'],
  ['paused', 'none', true, 'here'],
  ['held', 'none', false, 'held'],
  ['held', 'none', true, 'here'],
  ['broken', 'none', false, 'broken'],
  ['broken', 'migration out', false, 'broken'],
  ['broken', 'migration out', true, 'broken'],
  ['off', 'none', false, 'off'],
] as const)('a source that is %s with job %s, its guest paused before: %s, says %s', ([state, job, wasPaused, end]) => {
  expect(endAtSource({ state, job }, wasPaused)).toBe(end);
});

test.for([
  ['here', 'running', 'none', 'source'],
  ['here', 'held', 'migration in', 'source'],
  ['gone', 'held', 'migration in', 'unknown'],
  ['held', 'held', 'migration in', 'unknown'],
  ['off', 'held', 'migration in', 'unknown'],
  ['gone', 'running', 'none', 'destination'],
  ['gone', 'paused', 'none', 'destination'],
  ['gone', 'held', 'none', 'destination'],
  ['gone', 'broken', 'none', 'destination'],
  ['gone', 'off', 'none', 'destination'],
  ['gone', 'absent', 'none', 'nobody'],
  ['held', 'running', 'none', 'destination'],
  ['held', 'broken', 'none', 'destination'],
  ['held', 'paused', 'none', 'source'],
  ['held', 'held', 'none', 'source'],
  ['held', 'off', 'none', 'source'],
  ['held', 'absent', 'none', 'source'],
  ['off', 'running', 'none', 'destination'],
  ['off', 'broken', 'none', 'destination'],
  ['off', 'broken', 'migration in', 'destination'],
  ['gone', 'broken', 'migration in', 'destination'],
  ['held', 'broken', 'migration in', 'destination'],
  ['off', 'paused', 'none', 'nobody'],
  ['off', 'held', 'none', 'nobody'],
  ['off', 'off', 'none', 'nobody'],
  ['off', 'absent', 'none', 'nobody'],
  ['gone', 'moved away', 'none', 'nobody'],
  ['broken', 'running', 'migration in', 'unknown'],
  ['broken', 'broken', 'migration in', 'unknown'],
  ['broken', 'absent', 'migration in', 'unknown'],
  ['broken', 'running', 'none', 'destination'],
  ['broken', 'paused', 'none', 'destination'],
  ['broken', 'held', 'none', 'unknown'],
  ['broken', 'broken', 'none', 'unknown'],
  ['broken', 'off', 'none', 'destination'],
  ['broken', 'absent', 'none', 'nobody'],
] as const)('a guest that is %s at its source and %s with job %s at its destination has: %s', ([end, state, job, whose]) => {
  expect(whoseAfter(end, { state, job })).toBe(whose);
});
