import { expect, test, vi } from 'vitest';
import { agenda } from '../../src/activities/agenda.ts';

const stop = new AbortController().signal;

test('an agenda gives what is due, once', async () => {
  const todo = agenda();
  todo.add('web1', 0);
  todo.add('web2', 60_000);
  await todo.whenDue(stop);
  expect(todo.take()).toStrictEqual(['web1']);
  expect(todo.take()).toBeNull();
});

test('what is added again is due at the earlier of both times: an event is not kept waiting by what was put off', async () => {
  const todo = agenda();
  todo.add('web1', 60_000);
  todo.add('web1', 0);
  todo.add('web1', 60_000);
  await todo.whenDue(stop);
  expect(todo.take()).toStrictEqual(['web1']);
  expect(todo.take()).toBeNull();
});

test('all has everything in it', () => {
  const todo = agenda();
  todo.add('web1', 0);
  todo.add('web2', 60_000);
  todo.addAll(0);
  expect(todo.take()).toBe('all');
  expect(todo.take()).toBeNull();
});

test('a wait ends when something becomes due, something is added, or it is told to stop', async () => {
  const todo = agenda();
  const stopping = new AbortController();
  const ended = vi.fn();
  const wait = () => void todo.whenDue(stopping.signal).then(ended);
  todo.add('web1', 5);
  wait();
  await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(1));
  todo.take();
  wait();
  todo.add('web2', 60_000);
  await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(2));
  wait();
  stopping.abort();
  await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(3));
});
