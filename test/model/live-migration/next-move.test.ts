import { expect, test } from 'vitest';
import { nextMove } from '../../../src/model/live-migration/next-move.ts';

const calm = { elapsedSeconds: 10, completionTimeoutSeconds: 100, onTimeout: 'abort', mayPostCopy: false, asked: null } as const;
const late = { ...calm, elapsedSeconds: 101 };

test.for([
  ['disks', calm, 'wait'],
  ['memory', calm, 'wait'],
  ['memory', { ...calm, elapsedSeconds: 100 }, 'wait'],
  ['memory', late, 'abort'],
  ['disks', late, 'abort'],
  ['memory', { ...late, completionTimeoutSeconds: null }, 'wait'],
  ['memory', { ...late, onTimeout: 'forceComplete' }, 'allow any downtime'],
  ['disks', { ...late, onTimeout: 'forceComplete' }, 'allow any downtime'],
  ['memory', { ...late, onTimeout: 'forceComplete', mayPostCopy: true }, 'switch to post-copy'],
  ['disks', { ...late, onTimeout: 'forceComplete', mayPostCopy: true }, 'wait'],
  ['memory', { ...calm, asked: 'abort' }, 'abort'],
  ['disks', { ...calm, asked: 'abort', mayPostCopy: true }, 'abort'],
  ['memory', { ...calm, asked: 'forceComplete' }, 'allow any downtime'],
  ['memory', { ...calm, asked: 'forceComplete', mayPostCopy: true }, 'switch to post-copy'],
  ['memory', { ...late, asked: 'forceComplete' }, 'allow any downtime'],
  ['switched', { ...calm, asked: 'abort' }, 'wait'],
  ['switched', { ...late, mayPostCopy: true }, 'wait'],
  ['switched', { ...calm, asked: 'forceComplete', mayPostCopy: true }, 'wait'],
] as const)('in phase %s with %o the move is: %s', ([phase, situation, move]) => {
  expect(nextMove({ phase, ...situation })).toBe(move);
});
