import { describe, expect, test } from 'vitest';
import type { NotificationPolicy } from '../../src/model/notification.ts';
import { isAllSent, manyWaiting, mostWaiting, nextFor, type Outbox, posted, sentTo } from '../../src/model/outbox.ts';
import { notificationOf } from '../notifications/notifications.ts';

const policy: NotificationPolicy = { stateReport: 'vm_and_task_state', sinks: ['log', 'webhook'] };
const { sequence: _first, ...start } = notificationOf({ phase: 'start' });
const { sequence: _second, ...end } = notificationOf({ phase: 'end' });
const update = (vmState: 'active' | 'stopped', old: 'active' | 'stopped') => {
  const { sequence: _sequence, ...one } = notificationOf({ phase: 'update', old: { vmState: old, taskState: null } });
  return { ...one, instance: { ...one.instance, vmState } };
};
const numbers = (outbox: Outbox) => outbox.waiting.map(({ sequence }) => sequence);
const many = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

test('numbers go on where they were', () => {
  const outbox = posted(posted(undefined, policy, [start]), policy, [update('active', 'stopped'), end]);
  expect(numbers(outbox)).toEqual([1, 2, 3]);
  expect(outbox.last).toBe(3);
});

test('each sink is sent what it has not, in order, and what all have is gone', () => {
  const full = posted(undefined, policy, [start, end]);
  const half = sentTo(full, 'log', 2);
  expect(nextFor(half, 'log')).toEqual([]);
  expect(nextFor(half, 'webhook').map(({ sequence }) => sequence)).toEqual([1, 2]);
  expect([numbers(half), isAllSent(half)]).toEqual([[1, 2], false]);
  const all = sentTo(half, 'webhook', 2);
  expect([numbers(all), isAllSent(all)]).toEqual([[], true]);
});

test('a sink that is no longer configured is not waited for', () => {
  const outbox = posted(posted(undefined, policy, [start]), { ...policy, sinks: ['log'] }, []);
  expect(isAllSent(sentTo(outbox, 'log', 1))).toBe(true);
});

describe('with a sink that is away', () => {
  test('the oldest updates become part of the next one, which keeps the states that were before', () => {
    const outbox = posted(undefined, policy, [
      start,
      update('active', 'stopped'),
      update('stopped', 'active'),
      ...many(manyWaiting - 2, end),
    ]);
    expect(outbox.waiting).toHaveLength(manyWaiting);
    expect(outbox.waiting.slice(0, 3)).toMatchObject([
      { sequence: 1, phase: 'start' },
      { sequence: 3, phase: 'update', merged: 1, old: { vmState: 'stopped' }, instance: { vmState: 'stopped' } },
      { sequence: 4, phase: 'end', merged: 0 },
    ]);
    expect(outbox.lost).toBe(0);
  });

  test('starts and ends are kept, and so is the last update', () => {
    const outbox = posted(undefined, policy, [...many(150, update('active', 'active')), ...many(150, start)]);
    expect(outbox.waiting.map(({ phase }) => phase)).toEqual(['update', ...many(150, 'start')]);
    expect(outbox.waiting[0]).toMatchObject({ sequence: 150, merged: 149 });
  });

  test('what is too much for any record is dropped, oldest first, and counted', () => {
    const outbox = posted(undefined, policy, many(mostWaiting + 7, end));
    expect(outbox.waiting).toHaveLength(mostWaiting);
    expect([numbers(outbox)[0], outbox.lost]).toEqual([8, 7]);
  });

  test('a record carries less than half of what a payload may have', () => {
    const longest = { ...end, failure: { type: 'OperationFailed', message: 'x'.repeat(1000) } };
    const outbox = posted(undefined, policy, many(mostWaiting, longest));
    expect(JSON.stringify(outbox).length).toBeLessThan(1024 ** 2);
  });
});

test('an outbox that never was has nothing to send', () => {
  expect([isAllSent(undefined), nextFor(undefined, 'log')]).toEqual([true, []]);
});
