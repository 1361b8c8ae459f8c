import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/activity';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import type { Move } from '../../lab/move.workflow.ts';
import { type Mover, startMover } from '../../lab/mover.ts';
import type { Disk } from '../../src/model/instance.ts';
import { endOf, stepsOf } from './ends.ts';
import { type Fleet, startFleet } from './fleet.ts';

const disk: Disk = { name: 'disk', target: 'vda', kind: 'raw', format: 'raw', sizeBytes: 1024, backing: null };
const [source, destination] = ['transfer-1', 'transfer-2'] as const;

let fleet: Fleet;
let mover: Mover;

beforeAll(async () => {
  fleet = await startFleet([source, destination]);
  mover = await startMover(fleet.client, inject('temporalAddress'));
});
afterEach(() => fleet.leaveAlone());
afterAll(async () => {
  await mover?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
});

function start(changes: Partial<Move> = {}) {
  return mover.start({ instanceId: randomUUID(), source, destination, disk, as: disk, names: ['nvram'], ...changes });
}

test('hosts share their storage when each sees what the other wrote', async () => {
  expect(await (await start()).result()).toBe(false);
  const [one, other] = [source, destination].map((name) => fleet.hosts.get(name));
  if (one === undefined || other === undefined) throw new Error('there are two hosts');
  const own = other.probes;
  other.probes = one.probes;
  expect(await (await start()).result()).toBe(true);
  other.probes = own;
  expect([...one.probes, ...other.probes]).toEqual([]);
});

test('a host shares its storage with itself, and is not asked', async () => {
  const moving = await start({ destination: source });
  expect(await moving.result()).toBe(true);
  expect(await stepsOf(moving)).not.toContain('writeProbe');
});

test('a host that sees the files of one by which its own are not seen is told of', async () => {
  const other = fleet.hosts.get(destination);
  if (other === undefined) throw new Error('there are two hosts');
  const own = other.probes;
  // What the source writes is there, too, and what the destination writes is not at the source.
  other.probes = new Proxy(own, { get: (set, name) => (name === 'has' ? () => true : Reflect.get(set, name).bind(set)) });
  const ended = await endOf(await start());
  other.probes = own;
  expect(ended).toMatchObject({
    type: 'MigrationPreCheckError',
    message: `${destination} sees the files of ${source}, and ${source} does not see those of ${destination}: is a file system mounted over them?`,
  });
});

test('a transfer that breaks is begun anew at both ends', async () => {
  const failed = new Set<string>();
  fleet.at('sendDisk', async (point) => {
    if (point === 'after' || failed.has('once')) return;
    failed.add('once');
    throw ApplicationFailure.nonRetryable('the connection was cut', 'TransferBroken');
  });
  const moving = await start({ names: [] });
  await moving.result();
  const steps = (await stepsOf(moving)).filter((name) => /Disk/.test(name));
  expect(steps).toEqual(['openDiskReceiver', 'sendDisk', 'openDiskReceiver', 'sendDisk', 'sealDisk']);
});

test('a transfer that fails for good ends what receives and what sends', async () => {
  fleet.at('sealDisk', async (point) => {
    if (point === 'before') throw ApplicationFailure.nonRetryable('there is no room', 'DiskSpaceLow');
  });
  const moving = await start();
  expect(await endOf(moving)).toMatchObject({ type: 'DiskSpaceLow' });
  expect((await stepsOf(moving)).slice(-4)).toEqual(['stopSending', 'closeReceivers', 'removeProbes', 'removeProbes']);
  expect(fleet.hosts.get(destination)?.receiving).toEqual(new Set());
});

test('a transfer whose destination is lost is undone at the source, and left there to its worker', async () => {
  const sending = fleet.holdAt('sendDisk');
  const moving = await start();
  await sending.reached;
  await fleet.lose(destination);
  await moving.cancel();
  expect(await endOf(moving)).toMatchObject({ type: 'Canceled' });
  expect(await stepsOf(moving)).toContain('stopSending');
  await fleet.bringBack(destination);
});
