import { describe, expect, test } from 'vitest';
import { begin, type InstanceState, refusalToBegin } from '../../src/model/instance-record.ts';
import { observed } from '../../src/model/power-sync.ts';
import { wishAfterStart } from '../../src/model/wish.ts';
import { active, beginning, seenAs } from './instances.ts';
import { at, runOf } from './tenures.ts';

const startsAgain = { startsAgain: true };
const wished = `power-sync/${active.record?.id}/${active.generation}`;
const wishing = observed(active, { ...seenAs('shutdown'), ...startsAgain }, at(3));

function toBegin(workflowId: string) {
  return beginning({ run: { ...runOf('start'), workflowId }, type: 'startInstance', action: 'startInstance', isAdmin: true });
}

describe('a record that takes what was seen of its guest', () => {
  test('wishes for a start when the guest ended with its host and is to run again', () => {
    expect(wishing.record).toMatchObject({ vmState: 'stopped' });
    expect(wishing.wish).toEqual({
      type: 'startInstance',
      request: { instanceId: active.record?.id },
      workflowId: wished,
      is: 'open',
    });
  });

  test('wishes for a stop when the guest runs though it must not, whoever started it', () => {
    const stopped = observed(active, { ...seenAs('shutdown'), startsAgain: false }, at(3));
    expect(stopped.wish).toBeUndefined();
    const { wish } = observed(stopped, { ...seenAs('running'), startsAgain: false }, at(4));
    expect(wish).toMatchObject({ type: 'stopInstance', request: { mode: 'hard' }, is: 'open' });
  });

  test('wishes for nothing when the worker that saw it is of a release that starts operations itself', () => {
    expect(observed(active, seenAs('shutdown'), at(3)).wish).toBeUndefined();
  });
});

describe('a wish', () => {
  const taken = (state: InstanceState, workflowId: string) => begin(state, toBegin(workflowId), at(5));

  test('is over when its operation begins', () => {
    expect(refusalToBegin(wishing, toBegin(wished))).toBeNull();
    expect(taken(wishing, wished).wish).toBeNull();
  });

  test('is overtaken by another operation, and its own, however late it comes, may not begin', () => {
    for (const state of [wishing, { ...wishing, wish: wishAfterStart(wishing, wished) }]) {
      const overtaken = taken(state, 'start/web1');
      expect(overtaken.wish).toMatchObject({ workflowId: wished, is: 'overtaken' });
      expect(refusalToBegin({ ...overtaken, holder: null }, toBegin(wished))).toMatchObject({ type: 'InstanceBusy' });
      expect(refusalToBegin({ ...overtaken, holder: null }, toBegin('start/web1/again'))).toBeNull();
    }
  });

  test('is not overtaken by being started twice', () => {
    const started = { ...wishing, wish: wishAfterStart(wishing, wished) };
    expect(started.wish).toMatchObject({ is: 'started' });
    expect(wishAfterStart(started, wished)).toBe(started.wish);
    expect(wishAfterStart(wishing, 'power-sync/another')).toBe(wishing.wish);
  });
});
