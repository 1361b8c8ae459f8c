import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, type LabHost, loseHost, returnHost, runInHost, signalProcess, whenEnded } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import { findings, letGo, startStopped, whenHit } from '../faults/matrix.ts';
import { asking } from './asking.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';

const ballast = '/var/lib/nova/instances/ballast';

/** It is up since it was started last. */
const isUp = /GUEST UP(?![\s\S]*Linux version)/;

let own: OwnCloud;
const { run, whenSaid } = asking(() => own);
let host: LabHost;
let id: string;

beforeAll(async () => {
  own = await ownCloud('power-sync', { NOVAFLOW_HOST_CAPACITY_DISK_GIB: '10' }, { hosts: 1, instancesSizeMiB: 300 });
  const [only] = own.cloud.lab.hosts;
  if (only === undefined) throw new Error('the lab has no host');
  host = only;
  await importGuest(own.cloud, await buildGuest({}));
  ({ id } = await run<Instance>('buildInstance', { name: 'web1', flavor: 'lab.tiny', image: 'tiny' }));
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

test('a guest that its owner shuts down from inside is stopped in its record', async () => {
  await whenSaid(id, isUp);
  await virsh('shutdown');
  await whenRecord({ vmState: 'stopped', powerState: 'shutdown', fault: null });
});

test('a guest that somebody starts behind our back is stopped again', async () => {
  // It may be switched off before the start is over, which then fails.
  await virsh('start').catch(() => {});
  await whenRecord({ vmState: 'stopped', powerState: 'shutdown' }, ({ recent }) => recent.at(-1)?.type === 'stopInstance');
  expect(await virsh('domstate')).toContain('shut off');
});

test('what has to follow from what was seen comes to pass though the worker that saw it dies before it begins', async () => {
  const fault = join(own.faultsDirectory, `before.startWished.instance_${id}`);
  await writeFile(fault, '');
  await virsh('start').catch(() => {});
  await until(() => (existsSync(`${fault}.hit`) ? true : null), { what: 'the record to wish for a stop', timeoutMs: 60_000 });
  expect(await recordNow()).toMatchObject({ vmState: 'active', operation: null });
  await killWorker();
  await rm(fault);
  // It begins with nobody on the host.
  await until(async () => ((await recordNow()).operation?.type === 'stopInstance' ? true : null), { what: 'the stop', timeoutMs: 60_000 });
  await own.startCompute(host.name);
  await whenRecord({ vmState: 'stopped', powerState: 'shutdown' }, ({ recent }) => recent.at(-1)?.type === 'stopInstance');
  expect(await virsh('domstate')).toContain('shut off');
});

test('a guest that somebody pauses behind our back stays active, and its power state is the hypervisor’s', async () => {
  await run('startInstance', { instanceId: id });
  await virsh('suspend');
  await whenRecord({ vmState: 'active', powerState: 'paused' });
  await virsh('resume');
  await whenRecord({ vmState: 'active', powerState: 'running' });
});

test('a guest whose QEMU dies is stopped, and its record says that it crashed', async () => {
  const pid = (await runInHost(host, ['pidof', 'qemu-system-x86_64'])).trim();
  await runInHost(host, ['kill', '-9', pid]);
  await whenRecord({ vmState: 'stopped', powerState: 'crashed' }, ({ fault }) => fault?.type === 'GuestCrashed');
});

test('what a guest did while its worker was away is seen when the worker is back', async () => {
  await run('startInstance', { instanceId: id });
  await killWorker();
  await virsh('destroy');
  await own.startCompute(host.name);
  await whenRecord({ vmState: 'stopped', powerState: 'shutdown' });
});

test('a guest that finds its disk full stands still, and its record names the disk', async () => {
  const request = { instanceId: crypto.randomUUID(), name: 'writer', flavor: 'lab.tiny', image: 'tiny' };
  const build = await startStopped(own, 'buildInstance', { step: 'startPaused', point: 'after', request });
  await whenHit(own, build);
  // Full but for a file or two of ours: there is room for no cluster that the guest writes.
  await runInHost(host, ['sh', '-c', 'cat /dev/zero >"$0" 2>/dev/null; truncate -s -96K "$0"', ballast]);
  await letGo(own, build);
  await whenRecord(
    { vmState: 'active', powerState: 'paused' },
    ({ fault }) => fault?.type === 'GuestIoError' && fault.message.includes('vda (no space is left)'),
    build.instanceId,
  );
  await runInHost(host, ['rm', ballast]);
  await virsh('resume', build.instanceId);
  await whenRecord({ vmState: 'active', powerState: 'running', fault: null }, () => true, build.instanceId);
  await run('deleteInstance', { instanceId: build.instanceId });
});

test('guests that ended with their host run again when it is back', async () => {
  await run('startInstance', { instanceId: id });
  await loseHost(host);
  await returnHost(host);
  await own.startCompute(host.name);
  await whenRecord({ vmState: 'active', powerState: 'running' }, ({ recent }) => recent.at(-1)?.type === 'startInstance');
  await whenSaid(id, isUp);
  await run('deleteInstance', { instanceId: id });
  expect(await findings(own)).toEqual([]);
});

async function killWorker(): Promise<void> {
  const worker = own.workers.compute.get(host.name);
  if (worker === undefined) throw new Error(`${host.name} has no worker`);
  signalProcess(worker, 'SIGKILL');
  await whenEnded(worker);
}

function recordNow(instanceId = id): Promise<Instance> {
  return own.client.workflow.getHandle(`instance/${instanceId}`).query<Instance>('record');
}

function virsh(command: string, instanceId = id): Promise<string> {
  return runInHost(host, ['virsh', command, instanceId]);
}

/** The record once it is as expected and nobody works on it. */
function whenRecord(expected: Partial<Instance>, is: (instance: Instance) => boolean = () => true, instanceId = id): Promise<Instance> {
  const look = async () => {
    const record = await recordNow(instanceId);
    const fits = Object.entries(expected).every(([key, value]) => record[key as keyof Instance] === value);
    return fits && record.operation === null && is(record) ? record : null;
  };
  return until(look, { what: `the record to be ${JSON.stringify(expected)}`, timeoutMs: 60_000, intervalMs: 50 });
}
