import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cutApart, processesOf, rejoin, runInHost, signalProcess, spawnInHost, whenEnded } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { endOf } from '../workflows/ends.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { MiB, marker, type TransferWorld, transferWorld } from './transfer-world.ts';

const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';

let own: OwnCloud;
let world: TransferWorld;

beforeAll(async () => {
  own = await ownCloud('transfer', { NOVAFLOW_TRANSFER_SILENCE_SECONDS: '3' }, { instancesSizeMiB: 300 });
  world = await transferWorld(own);
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await own?.[Symbol.asyncDispose]();
});

test('a disk and files go from host to host, whole and in their places, and nothing of them is to be read on the wire', async () => {
  const { source, destination } = world;
  const capture = join(own.cloud.lab.sharedDir, 'capture');
  const wire = await spawnInHost(source, ['python3', join(import.meta.dirname, 'wire.py'), capture]);
  await until(() => readFile(capture).catch(() => null), { what: 'the capture', timeoutMs: 10_000 });
  const instanceId = await world.furnish(16 * MiB);
  const moving = await world.start(instanceId);
  expect(await moving.result()).toBe(false);
  const control = 'A-WORD-THAT-ANYBODY-MAY-READ';
  await runInHost(source, ['bash', '-c', `echo ${control} >/dev/udp/${destination.address}/9`]);
  const captured = await until(
    async () => {
      const seen = await readFile(capture);
      return seen.includes(control) ? seen : null;
    },
    { what: 'what was sent in the clear', timeoutMs: 10_000 },
  );
  signalProcess(wire, 'SIGKILL');
  await whenEnded(wire);
  expect(captured.length).toBeGreaterThan(16 * MiB); // the whole of it passed by
  expect(captured.length).toBeLessThan(24 * MiB); // and nothing of the holes
  expect(captured.includes(marker)).toBe(false);
  await rm(capture);
  for (const name of ['disk', 'nvram']) {
    expect((await world.read(destination, instanceId, name)).equals(await world.read(source, instanceId, name))).toBe(true);
  }
  expect(await world.leftOvers(instanceId)).toEqual([]);
});

test('hosts that are cut from one another in the middle begin anew when they are joined again', async () => {
  const { source, destination } = world;
  const instanceId = await world.furnish(16 * MiB);
  await world.limitWire(16);
  const moving = await world.start(instanceId);
  await world.whenUnderWay(instanceId);
  await cutApart(source, destination);
  await world.limitWire(null);
  const broken = async () => {
    const { events } = await moving.fetchHistory();
    return events?.some((event) => event.activityTaskFailedEventAttributes != null) === true || null;
  };
  await until(broken, { what: 'the end of the first attempt', timeoutMs: 30_000, intervalMs: 200 });
  await rejoin(source);
  await moving.result();
  expect((await world.read(destination, instanceId, 'disk')).equals(await world.read(source, instanceId, 'disk'))).toBe(true);
  expect(await world.leftOvers(instanceId)).toEqual([]);
});

test('a disk that has no room at the destination fails as that, and a cancel in the middle ends both ends; the source has what it had', async () => {
  const { source } = world;
  const before = await world.furnish(1 * MiB);
  await world.leaveRoom(16 * MiB);
  const large = await world.furnish(64 * MiB);
  const held = await world.read(source, large, 'disk');
  expect(await endOf(await world.start(large))).toMatchObject({ type: 'DiskSpaceLow' });
  await world.leaveRoom(null);

  await world.limitWire(16);
  const moving = await world.start(before, {});
  const cancelled = await world.furnish(16 * MiB);
  const other = await world.start(cancelled);
  await world.whenUnderWay(cancelled);
  await other.cancel();
  expect(await endOf(other)).toMatchObject({ type: 'Canceled' });
  await world.limitWire(null);
  await moving.result(); // what else goes on is left alone
  expect((await world.read(source, large, 'disk')).equals(held)).toBe(true);
  expect(await world.leftOvers(before, large, cancelled)).toEqual([]);
});

test.for(isLongRun ? ['terminated'] : [])('what receives for an operation that was %s is ended by its host', async () => {
  const instanceId = await world.furnish(16 * MiB);
  await world.limitWire(16);
  const moving = await world.start(instanceId);
  await world.whenUnderWay(instanceId);
  await moving.terminate('by the test');
  await killWorker(world.destination.name);
  await own.startCompute(world.destination.name); // it looks when it starts, and once a minute
  const ended = async () => !(await processesOf(world.destination)).some(({ command }) => command.includes('qemu-nbd')) || null;
  await until(ended, { what: 'the end of the receiver', timeoutMs: 30_000 });
  await world.limitWire(null);
  await until(async () => !(await processesOf(world.source)).some(({ command }) => command.includes('qemu-img')) || null, {
    what: 'the end of the sender',
    timeoutMs: 30_000,
  });
  await rm(join(world.destination.instancesDir, instanceId), { recursive: true }); // as a delete does
  expect(await world.leftOvers(instanceId)).toEqual([]);
});

test.for(isLongRun ? ['at both ends'] : [])(
  'workers that are killed %s, their children living on or not, keep no disk from coming',
  async () => {
    const { source, destination } = world;
    await world.limitWire(16);
    const ids = [await world.furnish(12 * MiB), await world.furnish(12 * MiB)] as const;
    const moves = await Promise.all(ids.map((id) => world.start(id)));
    for (const id of ids) await world.whenUnderWay(id);
    for (const { name } of [source, destination]) await killWorker(name);
    for (const host of [source, destination]) {
      const children = (await processesOf(host)).filter(({ command }) => command.includes(ids[0]));
      expect(children.length).toBeGreaterThan(0);
      for (const child of children) signalProcess(child, 'SIGKILL');
    }
    for (const { name } of [source, destination]) await own.startCompute(name);
    await world.limitWire(null);
    await Promise.all(moves.map((moving) => moving.result()));
    for (const id of ids) expect((await world.read(destination, id, 'disk')).equals(await world.read(source, id, 'disk'))).toBe(true);
    expect(await world.leftOvers(...ids)).toEqual([]);
  },
);

async function killWorker(host: string): Promise<void> {
  const worker = own.workers.compute.get(host);
  if (worker === undefined) throw new Error(`no worker on ${host}`);
  signalProcess(worker, 'SIGKILL');
  await whenEnded(worker);
}
