import { describe, expect, test } from 'vitest';
import {
  continuedBy,
  mayAct,
  moved,
  type Run,
  released,
  rememberedEnds,
  type Standing,
  standingOf,
  type Tenure,
  taken,
} from '../../src/model/tenure.ts';
import { at, holderOf, runOf, tenureOf } from './tenures.ts';

const build = runOf('build');
const buildReset = runOf('build', 1);
const other = runOf('delete');
const held = tenureOf({ holder: holderOf(build) });

/** By the words of the test's name: the record, the run and part that ask, how they stand, and whether their messages count. */
const standings: readonly [string, Tenure, Run, number, Standing, boolean][] = [
  ['the first run at a free record', tenureOf(), build, 1, 'free', false],
  ['the holder', held, build, 1, 'holds', true],
  ['the run that a reset made from the holder', held, buildReset, 1, 'reset', true],
  ['another operation', held, other, 1, 'busy', false],
  ['the second part of the holder', held, build, 2, 'busy', false],
  ['a reset run of a holder that undoes', tenureOf({ holder: holderOf(build, { undoing: true }) }), buildReset, 1, 'ended', false],
  ['a holder that undoes', tenureOf({ holder: holderOf(build, { undoing: true }) }), build, 1, 'holds', true],
  ['the run that a reset replaced', tenureOf({ holder: holderOf(buildReset, { replaced: [build.runId] }) }), build, 1, 'ended', false],
  [
    'the second reset of a holder that was reset',
    tenureOf({ holder: holderOf(buildReset, { replaced: [build.runId] }) }),
    runOf('build', 2),
    1,
    'reset',
    true,
  ],
  ['a run whose part ended', tenureOf({ ended: [{ firstRunId: build.firstRunId, part: 1 }] }), build, 1, 'ended', false],
  ['a reset run of a part that ended', tenureOf({ ended: [{ firstRunId: build.firstRunId, part: 1 }] }), buildReset, 1, 'ended', false],
  ['the second part of one whose first ended', tenureOf({ ended: [{ firstRunId: build.firstRunId, part: 1 }] }), build, 2, 'free', false],
  [
    'a run whose part ended while another operation holds the record',
    tenureOf({ holder: holderOf(other), ended: [{ firstRunId: build.firstRunId, part: 1 }] }),
    build,
    1,
    'ended',
    false,
  ],
];

test.for(standings)('%s stands so', ([, tenure, run, part, standing, counts]) => {
  expect(standingOf(tenure, run, part)).toBe(standing);
  expect(mayAct(tenure, run, part)).toBe(counts);
});

test('a record that is taken has a new generation and knows its holder by its run alone', () => {
  const reset = { ...buildReset, memo: 'not of a run' };
  const as = { type: 'buildInstance', part: 1, userId: 'user', step: 'accept', since: at(3) };
  expect(taken(tenureOf({ generation: 7 }), reset, as)).toStrictEqual({
    generation: 8,
    ended: [],
    holder: {
      workflowId: 'build/1',
      runId: 'build-run-reset-1',
      firstRunId: 'build-run',
      type: 'buildInstance',
      part: 1,
      userId: 'user',
      step: 'accept',
      since: at(3),
      undoing: false,
      replaced: [],
    },
  });
});

describe('the holder’s run', () => {
  test('is replaced by a reset under a new generation, and what still lives of it is refused', () => {
    const next = continuedBy(tenureOf({ generation: 4 }), holderOf(build), buildReset.runId);
    expect(next).toMatchObject({ generation: 5, holder: { runId: 'build-run-reset-1', replaced: ['build-run'] } });
    expect(standingOf(next, build, 1)).toBe('ended');
    expect(standingOf(next, buildReset, 1)).toBe('holds');
  });

  test('that goes on by itself keeps its generation', () => {
    const next = continuedBy(tenureOf({ generation: 4 }), holderOf(build), build.runId);
    expect(next).toStrictEqual({ holder: holderOf(build), generation: 4, ended: [] });
  });
});

test('a holder that undoes does so for good', () => {
  const undoing = moved(holderOf(build), { step: 'networking', undoing: true });
  expect(undoing).toStrictEqual(holderOf(build, { step: 'networking', undoing: true }));
  expect(moved(undoing, { step: 'spawning', undoing: false })).toMatchObject({ step: 'spawning', undoing: true });
});

test('a record that was let go is free, keeps its generation and remembers the part', () => {
  expect(released(held, holderOf(build, { part: 2 }))).toStrictEqual({
    holder: null,
    generation: 1,
    ended: [{ firstRunId: 'build-run', part: 2 }],
  });
});

test('a record remembers the last 20 parts that ended, the newest last', () => {
  expect(rememberedEnds).toBe(20);
  const operations = Array.from({ length: 25 }, (_, index) => runOf(`operation-${index}`));
  const last = operations.reduce((tenure, run) => released(tenure, holderOf(run)), tenureOf());
  expect(last.ended).toHaveLength(20);
  expect(last.ended[0]?.firstRunId).toBe('operation-5-run');
  expect(last.ended[19]?.firstRunId).toBe('operation-24-run');
});
