import { randomUUID } from 'node:crypto';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { logOf } from '../../lab/cloud.ts';
import { killLibvirtd, signalProcess, startLibvirtd, whenEnded } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Host } from '../../src/model/host.ts';
import type { Image } from '../../src/model/image.ts';
import { findings, letGo, startStopped, whenHit } from '../faults/matrix.ts';
import { asking } from './asking.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';

let own: OwnCloud;
const { hostNamed, record, run } = asking(() => own);
let image: string;

beforeAll(async () => {
  own = await ownCloud('workers', { NOVAFLOW_DRAIN_SECONDS: '30' });
  const path = join(own.cloud.settings['NOVAFLOW_IMPORT_DIRECTORY'] ?? '', 'blank');
  await writeFile(path, '');
  await truncate(path, 1024 ** 2);
  image = (await run<Image>('importImage', { name: 'blank', source: 'file:blank', diskFormat: 'raw' })).id;
  await run('disableHost', { host: 'cn2', reason: 'all of this happens on cn1' });
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

const request = () => ({
  instanceId: randomUUID(),
  name: 'worked-on',
  image,
  flavor: { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 },
});

test('a worker that is told to stop ends its step first, its host goes down, and the operation goes on with the next worker', async () => {
  const build = await startStopped(own, 'buildInstance', { step: 'createDisks', point: 'during', request: request() });
  await whenHit(own, build);
  const worker = workerOf('cn1');
  signalProcess(worker, 'SIGTERM');
  await whenHost('cn1', ({ state, downReason }) => state === 'down' && downReason === 'its compute worker was stopped');
  expect(await attemptsOf(build.run)).toBe(1);
  await letGo(own, build);
  await whenEnded(worker);
  await own.startCompute('cn1');
  expect(await build.run.result()).toMatchObject({ vmState: 'active', host: 'cn1' });
  const { events } = await build.run.fetchHistory();
  const starts = (events ?? []).flatMap((event) => event.activityTaskStartedEventAttributes?.attempt ?? []);
  expect(new Set(starts)).toEqual(new Set([1]));
  await run('deleteInstance', { instanceId: build.instanceId });
});

test('a second worker of a host says that the first one runs, and ends', async () => {
  const first = workerOf('cn1');
  await own.startCompute('cn1');
  const second = workerOf('cn1');
  own.workers.compute.set('cn1', first);
  await whenEnded(second, 30_000);
  expect(await readFile(logOf(own.cloud.lab, 'cn1'), 'utf8')).toContain('a compute worker of host cn1 runs already');
  expect((await record<Host>('host/cn1')).state).toBe('up');
});

test('a step of a worker that froze is done by the next one, and the frozen one can do nothing any more', async () => {
  const build = await startStopped(own, 'buildInstance', { step: 'defineDomain', point: 'during', request: request() });
  await whenHit(own, build);
  const frozen = workerOf('cn1');
  signalProcess(frozen, 'SIGSTOP');
  await letGo(own, build);
  await own.startCompute('cn1');
  await whenEnded(frozen, 30_000);
  expect(await build.run.result()).toMatchObject({ vmState: 'active' });
  await run('deleteInstance', { instanceId: build.instanceId });
  expect(await findings(own)).toEqual([]);
});

test('a host whose libvirtd is gone is down with that reason, and up again when it is back', async () => {
  const host = hostNamed('cn1');
  await killLibvirtd(host);
  const down = await whenHost('cn1', ({ state }) => state === 'down');
  expect(down.downReason).toContain('libvirt is unreachable');
  await startLibvirtd(host);
  expect((await whenHost('cn1', ({ state }) => state === 'up')).downReason).toBeNull();
});

function workerOf(host: string) {
  const worker = own.workers.compute.get(host);
  if (worker === undefined) throw new Error(`there is no worker of ${host}`);
  return worker;
}

function whenHost(name: string, is: (host: Host) => boolean): Promise<Host> {
  const look = async () => {
    const host = await record<Host>(`host/${name}`);
    return is(host) ? host : null;
  };
  return until(look, { what: `host ${name}`, timeoutMs: 60_000, intervalMs: 50 });
}

async function attemptsOf(build: {
  describe: () => Promise<{ raw: { pendingActivities?: { attempt?: number | null }[] | null } }>;
}): Promise<number> {
  const { raw } = await build.describe();
  return Math.max(...(raw.pendingActivities ?? []).map(({ attempt }) => attempt ?? 0));
}
