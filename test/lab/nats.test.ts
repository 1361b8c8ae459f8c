import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { notifyActivities } from '../../src/activities/notifications.ts';
import { loadConfig } from '../../src/config.ts';
import type { Notification } from '../../src/model/notification.ts';
import { notificationOf } from '../notifications/notifications.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';

let server: NatsServer;
let worker: AbortController;
let send: (...notifications: readonly Notification[]) => Promise<{ through: number }>;

beforeAll(async () => {
  server = await startNatsServer();
  worker = new AbortController();
  const config = loadConfig({
    env: {},
    flags: { 'notifications.nats.servers': `[${server.address}]`, 'notifications.giveUpAfterSeconds': 60 },
  });
  const { sendNotifications } = notifyActivities(config, worker.signal);
  send = (...notifications) => new MockActivityEnvironment().run(sendNotifications, { sink: 'nats' as const, notifications });
});
afterAll(async () => {
  worker.abort();
  await server[Symbol.asyncDispose]();
});

const recent = (sequence: number) => notificationOf({ sequence, at: new Date().toISOString() });
const storedIds = async () => (await server.stored()).map(({ event }) => event.data.sequence);

test('without a stream that takes it a notification is not sent', async () => {
  await expect(send(recent(1))).rejects.toThrow();
});

test('what a stream has stored is sent, below the instance and the event, in order', async () => {
  await server.makeStream();
  expect(await send(recent(1), recent(2), recent(3))).toEqual({ through: 3 });
  expect(await storedIds()).toEqual([1, 2, 3]);
  const [first] = await server.stored();
  expect(first?.subject).toBe(`novaflow.${first?.event.data.instance.id}.compute.instance.create.end`);
});

test('what comes again is stored once', async () => {
  expect(await send(recent(2), recent(3), recent(4))).toEqual({ through: 4 });
  expect(await storedIds()).toEqual([1, 2, 3, 4]);
});

test('a server that dies and comes back gets what it missed', async () => {
  await server.kill();
  await expect(send(recent(5))).rejects.toThrow();
  await server.start();
  expect(await send(recent(5), recent(6))).toEqual({ through: 6 });
  expect(await storedIds()).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a notification that is too old is given up after a try, and those behind it are not', async () => {
  await server.kill();
  const old = notificationOf({ sequence: 7, at: '2026-01-01T00:00:00.000Z' });
  expect(await send(old)).toEqual({ through: 7 });
  await server.start();
  expect(await send(recent(8))).toEqual({ through: 8 });
  expect(await storedIds()).toEqual([1, 2, 3, 4, 5, 6, 8]);
});
