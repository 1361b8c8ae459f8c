import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logOf, startComputeWorker } from '../../lab/cloud.ts';
import { type HostProcess, runInHost, signalProcess, whenEnded } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Host } from '../../src/model/host.ts';
import type { Instance } from '../../src/model/instance.ts';
import { type Case, findings, letGo, startStopped, whenHit } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { asking } from './asking.ts';
import { blankImage } from './blank-image.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { allowedCpus } from './pins.ts';

let own: OwnCloud;
const { run, start, record, hostNamed } = asking(() => own);
let image: string;
const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';

beforeAll(async () => {
  own = await ownCloud('placement', {
    NOVAFLOW_HOST_CAPACITY_VCPUS: '100',
    NOVAFLOW_HOST_CAPACITY_DISK_GIB: '50',
    NOVAFLOW_VIF_PLUG_TIMEOUT_SECONDS: '1',
    NOVAFLOW_SHUTDOWN_TIMEOUT_SECONDS: '0', // there is nothing in its guests that would shut down
  });
  image = await blankImage(own);
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

/** Of these a host has room for five, whatever else it has: their disks are sparse. */
const fifthOfHost = { name: 'fifth', vcpus: 1, memoryMiB: 16, rootGiB: 10 };
const small = { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 };

test.each(isLongRun ? [1, 2, 3] : [1])(
  'of twenty builds at once with room for ten, ten are active and ten find no host (%i. time)',
  async () => {
    const builds = await Promise.all(Array.from({ length: 20 }, () => start('buildInstance', build(fifthOfHost))));
    const ends = await Promise.all(builds.map(endOf));
    expect(ends.flatMap((end) => end?.type ?? 'active').sort()).toEqual([...Array(10).fill('NoValidHost'), ...Array(10).fill('active')]);
    for (const { name } of own.cloud.lab.hosts) {
      const host = await record<Host>(`host/${name}`);
      expect(host.claims).toHaveLength(5);
      expect(host).toMatchObject({ free: { diskGiB: 0 }, failedBuilds: 0 });
      expect(host.claims.filter(({ ioTask }) => ioTask !== undefined)).toEqual([]);
    }
    await Promise.all(builds.map((one) => run('deleteInstance', { instanceId: one.firstExecutionRunId })));
    for (const { name } of own.cloud.lab.hosts) expect((await record<Host>(`host/${name}`)).claims).toEqual([]);
    expect(await findings(own)).toEqual([]);
  },
);

test('a build whose ports its first host does not plug runs on the second, though the control worker is killed in between', async () => {
  const host = hostNamed('cn1');
  const instanceId = randomUUID();
  await run('disableHost', { host: 'cn2' });
  await runInHost(host, ['ip', 'link', 'set', host.bridge, 'down']);
  try {
    const chosen = await startStopped(own, 'buildInstance', {
      step: 'selectHost',
      point: 'after',
      request: { ...build(small), instanceId },
    });
    await whenHit(own, chosen);
    await run('enableHost', { host: 'cn2' });
    const between = await stopAlso(chosen, 'releaseClaim');
    await letGo(own, chosen);

    await whenHit(own, between);
    signalProcess(own.workers.control, 'SIGKILL');
    await whenEnded(own.workers.control);
    await own.startControl();
    await letGo(own, between);
    expect(await endOf(between.run)).toBeNull();
  } finally {
    await runInHost(host, ['ip', 'link', 'set', host.bridge, 'up']);
  }
  expect(await record<Instance>(`instance/${instanceId}`)).toMatchObject({ vmState: 'active', host: 'cn2', generation: 2 });
  expect(await record<Host>('host/cn1')).toMatchObject({ claims: [], failedBuilds: 1 });
  expect((await readdir(join(host.instancesDir, instanceId))).sort()).toEqual(['generation', 'lock']);
  expect(await findings(own)).toEqual([]);
  await run('deleteInstance', { instanceId });
});

if (isLongRun) {
  test('a host that falls silent in a build owes the removal, and pays when its worker is back', async () => {
    const instanceId = randomUUID();
    const stopped = await startStopped(own, 'buildInstance', {
      step: 'createDisks',
      point: 'after',
      request: { ...build(small), instanceId },
    });
    await whenHit(own, stopped);
    const silent = (await record<Instance>(`instance/${instanceId}`)).host ?? '';
    const disks = join(hostNamed(silent).instancesDir, instanceId);
    const worker = own.workers.compute.get(silent);
    if (worker === undefined) throw new Error(`no worker on ${silent}`);
    signalProcess(worker, 'SIGKILL');
    await whenEnded(worker);
    await letGo(own, stopped);

    expect(await endOf(stopped.run)).toBeNull();
    const { host } = await record<Instance>(`instance/${instanceId}`);
    expect(host).not.toBe(silent);
    expect(await record<Host>(`host/${silent}`)).toMatchObject({ state: 'down', debts: [{ instanceId }], claims: [{ instanceId }] });
    expect(await readdir(disks)).toContain('disk');

    await own.startCompute(silent);
    const whenPaid = async () => ((await record<Host>(`host/${silent}`)).debts.length === 0 ? true : null);
    await until(whenPaid, { what: 'the debt to be paid', timeoutMs: 60_000 });
    expect(await record<Host>(`host/${silent}`)).toMatchObject({ state: 'up', claims: [] });
    expect((await readdir(disks)).sort()).toEqual(['generation', 'lock']);
    expect(await findings(own)).toEqual([]);
    await run('deleteInstance', { instanceId });
  });

  test('fifty builds at once on two hosts are all active', async () => {
    const at = Date.now();
    const builds = await Promise.all(Array.from({ length: 50 }, () => start('buildInstance', build(small))));
    const ends = await Promise.all(builds.map(endOf));
    console.info(`fifty builds took ${Date.now() - at} ms`);
    expect(ends.filter((end) => end !== null)).toEqual([]);
    expect(await findings(own)).toEqual([]);
    await Promise.all(builds.map((one) => run('deleteInstance', { instanceId: one.firstExecutionRunId })));
    expect(await findings(own)).toEqual([]);
  });
}

describe('a host with CPUs for guests that have theirs alone', () => {
  const pinned = { ...small, extraSpecs: { 'hw:cpu_policy': 'dedicated' } };
  let guest: Instance;

  test('has a worker that does not start, and says why, where there are no such CPUs', async () => {
    await whenEnded(await startWith('cn2', '0,63'));
    expect(await readFile(logOf(own.cloud.lab, 'cn2'), 'utf8')).toContain('host.cpuDedicatedSet names 63: this host has the CPUs 0-1');
    // From here on the first host has CPU 1 for them, and 0 for all others; the second the other way round.
    for (const [name, cpus] of [
      ['cn1', '1'],
      ['cn2', '0'],
    ] as const) {
      await startWith(name, cpus);
      const isThere = async () => ((await record<Host>(`host/${name}`)).inventory.guestCpus === undefined ? null : true);
      await until(isThere, { what: `${name} with its CPUs`, timeoutMs: 60_000 });
    }
  });

  test('runs them there, takes no more than it has CPUs, and those that move while they run are on their next host’s', async () => {
    guest = await run<Instance>('buildInstance', build(pinned));
    await expectOnItsCpus(guest);
    const second = await run<Instance>('buildInstance', build(pinned));
    expect(second.host).not.toBe(guest.host);
    await expectOnItsCpus(second);
    expect(await endOf(await start('buildInstance', build(pinned)))).toMatchObject({
      type: 'NoValidHost',
      message: expect.stringContaining('cn1 has 0 of 1 dedicated CPUs free, 1 wanted'),
    });
    await run('deleteInstance', { instanceId: second.id });

    guest = await run<Instance>('liveMigrateInstance', { instanceId: guest.id });
    expect(guest.host).toBe(second.host);
    await expectOnItsCpus(guest);
    expect(await findings(own)).toEqual([]);
  });

  if (isLongRun) {
    test('runs others beside them, on the CPUs that are shared, and before and after they move', async () => {
      const shared = await run<Instance>('buildInstance', { ...build(small), hints: { same_host: guest.id } });
      await expectOn(shared, guest.host === 'cn1' ? 0 : 1);
      const moved = await run<Instance>('liveMigrateInstance', { instanceId: shared.id });
      await expectOn(moved, moved.host === 'cn1' ? 0 : 1);
      await run('deleteInstance', { instanceId: shared.id });
    });

    test('has one vCPU of a guest on its own CPU and the other on the shared ones, where it is and where it moves to', async () => {
      const extraSpecs = { 'hw:cpu_policy': 'mixed', 'hw:cpu_dedicated_mask': '1' };
      const mixed = await run<Instance>('buildInstance', {
        ...build({ ...small, vcpus: 2, extraSpecs }),
        hints: { different_host: guest.id },
      });
      const expectApart = async ({ id, host, pinnedCpus }: Instance) => {
        const [shared, own] = host === 'cn1' ? [0, 1] : [1, 0];
        expect(pinnedCpus).toEqual([null, own]);
        expect(await allowedCpus(hostNamed(host ?? ''), id)).toEqual({ vcpus: [`${shared}`, `${own}`], others: ['0-1'] });
      };
      await expectApart(mixed);
      expect(await findings(own)).toEqual([]);
      await run('deleteInstance', { instanceId: guest.id });
      const moved = await run<Instance>('liveMigrateInstance', { instanceId: mixed.id });
      await expectApart(moved);
      expect(await findings(own)).toEqual([]);
      await run('deleteInstance', { instanceId: mixed.id });
      guest = await run<Instance>('buildInstance', build(pinned));
    });

    test('has those that migrate cold on its own CPUs, on which they are again where that is reverted', async () => {
      const { id, host, pinnedCpus } = guest;
      const migration = await start('migrateInstance', { instanceId: id });
      const whenMoved = async () => ((await record<Instance>(`instance/${id}`)).vmState === 'resized' ? true : null);
      await until(whenMoved, { what: 'the cold migration', timeoutMs: 60_000 });
      const there = await record<Instance>(`instance/${id}`);
      expect(there.host).not.toBe(host);
      await expectOnItsCpus(there);
      await migration.executeUpdate('revert', { args: [{}] });
      const back = (await migration.result()) as Instance;
      expect(back).toMatchObject({ host, pinnedCpus });
      await expectOnItsCpus(back);
      await run('rebootInstance', { instanceId: id, mode: 'hard' });
      await expectOnItsCpus(back);
      expect(await findings(own)).toEqual([]);
    });
  }

  test('has its CPUs back when they are deleted', async () => {
    await run('deleteInstance', { instanceId: guest.id });
    for (const { name } of own.cloud.lab.hosts) expect((await record<Host>(`host/${name}`)).claims).toEqual([]);
  });
});

/** Starts the worker of a host anew, with these CPUs for guests that have theirs alone. */
async function startWith(name: string, cpus: string): Promise<HostProcess> {
  const old = own.workers.compute.get(name);
  if (old !== undefined && signalProcess(old, 'SIGKILL')) await whenEnded(old);
  const settings = { ...own.cloud.settings, NOVAFLOW_HOST_CPU_DEDICATED_SET: cpus };
  const worker = await startComputeWorker({ ...own.cloud, settings }, hostNamed(name));
  own.workers.compute.set(name, worker);
  return worker;
}

async function expectOnItsCpus(instance: Instance): Promise<void> {
  const cpu = instance.host === 'cn1' ? 1 : 0;
  expect(instance.pinnedCpus).toEqual([cpu]);
  await expectOn(instance, cpu);
}

/** The kernel says where the threads of a QEMU may run. */
async function expectOn({ id, host }: Instance, cpu: number): Promise<void> {
  expect(await allowedCpus(hostNamed(host ?? ''), id)).toEqual({ vcpus: [`${cpu}`], others: [`${cpu}`] });
}

/** Stops the operation at another step as well. */
async function stopAlso(stopped: Case, step: string): Promise<Case> {
  await writeFile(join(own.faultsDirectory, `${stopped.point}.${step}.${stopped.run.workflowId}`), '');
  return { ...stopped, step };
}

function build(flavor: object) {
  return { name: `vm-${randomUUID().slice(0, 8)}`, image, flavor };
}
