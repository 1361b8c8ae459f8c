import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, type LabHost, runInHost, signalProcess, whenEnded } from '../../lab/lab.ts';
import { run as command } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { findings, letGo, startStopped, whenHit } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';

const instances = '/var/lib/nova/instances';
const flavor = { name: 'moving', vcpus: 1, memoryMiB: 128, rootGiB: 1, ephemeralGiB: 1, swapMiB: 16 };
const isLong = process.env['NOVAFLOW_TEST_ALL'] === '1';

let own: OwnCloud;
let guest: Instance;
let sampling = new AbortController();
let doubles: string[] = [];
let sampler: Promise<void>;

/** With a directory each, disks are mirrored; with one for both, nothing is copied. */
const storages = isLong ? (['separate', 'shared'] as const) : (['separate'] as const);

describe.each(storages)('a guest on hosts whose storage is %s', (storage) => {
  beforeAll(async () => {
    own = await ownCloud(`live-${storage}`, {}, { shared: storage === 'shared' });
    await importGuest(own.cloud, await buildGuest({}));
    guest = await run<Instance>('buildInstance', { name: 'moves', image: 'tiny', flavor, configDrive: true });
    await whenBooted();
    [sampling, doubles] = [new AbortController(), []];
    sampler = sample();
  }, 120_000);
  afterAll(async () => {
    sampling.abort();
    await sampler;
    await own?.[Symbol.asyncDispose]();
  });

  test('goes to the other host while it runs, with all its disks, and leaves nothing where it was', async () => {
    const [source, destination] = [guest.host, otherThan(guest.host)];
    const ticks = await ticked();
    expect(await migrated({ host: destination })).toMatchObject({
      vmState: 'active',
      powerState: 'running',
      host: destination,
      migration: null,
    });
    expect(await ticked()).toBeGreaterThan(ticks);
    expect(await filesOn(hostNamed(source))).toEqual(storage === 'shared' ? await filesOn(hostNamed(destination)) : ['generation', 'lock']);
    const inactive = await runInHost(hostNamed(destination), ['virsh', 'dumpxml', '--inactive', guest.id]);
    expect(inactive).toContain(`${instances}/${guest.id}/disk.config`);
    expect(await findings(own)).toEqual([]);
  });

  test('that is paused arrives paused, and runs on there', async () => {
    await run('pauseInstance', { instanceId: guest.id });
    expect(await migrated({})).toMatchObject({ vmState: 'paused', powerState: 'paused' });
    expect(await run('unpauseInstance', { instanceId: guest.id })).toMatchObject({ vmState: 'active', powerState: 'running' });
    await ticked();
    expect(await findings(own)).toEqual([]);
  });

  test('gets there though the workers of both hosts are killed while it is copied', async () => {
    const there = otherThan((await record()).host);
    const request = { instanceId: guest.id, host: there };
    const stopped = await startStopped(own, 'liveMigrateInstance', { step: 'migrateGuest', point: 'copying', request });
    await whenHit(own, stopped);
    await killWorkers();
    await letGo(own, stopped);
    expect(await stopped.run.result()).toMatchObject({ vmState: 'active', host: there });
    await ticked();
    expect(await findings(own)).toEqual([]);
  });

  test('stays when its migration is cancelled while it is copied, and nothing is left at the destination', async () => {
    const { host } = await record();
    const there = otherThan(host);
    const slow = { instanceId: guest.id, host: there, bandwidthMiBps: 1 };
    const migration = await start('liveMigrateInstance', slow);
    await whenMoving(hostNamed(host));
    await migration.cancel();
    expect(await endOf(migration)).toMatchObject({ type: 'Canceled' });
    expect(await record()).toMatchObject({ vmState: 'active', powerState: 'running', host });
    await ticked();
    if (storage === 'separate') expect(await filesOn(hostNamed(there))).toEqual(['generation', 'lock']);
    expect(await findings(own)).toEqual([]);
  });

  test('has its whole journal when it is stopped, and was never on two hosts at once', async () => {
    await run('stopInstance', { instanceId: guest.id });
    expect((await journal()).map((line) => line.split(' ')[1])).toEqual(['1']);
    expect(doubles).toEqual([]);
    await run('deleteInstance', { instanceId: guest.id });
    expect(await findings(own)).toEqual([]);
  });
});

async function killWorkers(): Promise<void> {
  for (const [host, worker] of own.workers.compute) {
    signalProcess(worker, 'SIGKILL');
    await whenEnded(worker);
    await own.startCompute(host);
  }
}

/** Looks every 200 ms who runs the guest. */
async function sample(): Promise<void> {
  while (!sampling.signal.aborted) {
    const running = await Promise.all(own.cloud.lab.hosts.map(runs));
    if (running.filter(Boolean).length > 1) doubles.push(new Date().toISOString());
    await setTimeout(200, undefined, { signal: sampling.signal }).catch(() => {});
  }
}

/** Whether its processors run there: a guest that comes in is paused. */
async function runs(host: LabHost): Promise<boolean> {
  return (await runInHost(host, ['virsh', 'domstate', guest.id]).catch(() => '')).includes('running');
}

function otherThan(host: string | null): string {
  return own.cloud.lab.hosts.map(({ name }) => name).find((name) => name !== host) ?? '';
}

async function record(): Promise<Instance> {
  return own.client.workflow.getHandle(`instance/${guest.id}`).query<Instance>('record');
}

function migrated(how: object): Promise<Instance> {
  return run<Instance>('liveMigrateInstance', { instanceId: guest.id, ...how });
}

async function run<Result>(type: string, input: object): Promise<Result> {
  return (await start(type, input)).result() as Promise<Result>;
}

function start(type: string, input: object) {
  return own.client.workflow.start(type, { taskQueue: controlQueue, workflowId: `${type}-${crypto.randomUUID()}`, args: [input] });
}

function hostNamed(name: string | null): LabHost {
  const found = own.cloud.lab.hosts.find((host) => host.name === name);
  if (found === undefined) throw new Error(`there is no host ${name}`);
  return found;
}

async function filesOn({ instancesDir }: LabHost): Promise<string[]> {
  return (await readdir(join(instancesDir, guest.id))).sort();
}

function whenMoving(host: LabHost): Promise<true> {
  const look = async () => ((await runInHost(host, ['virsh', 'domjobinfo', guest.id]).catch(() => '')).includes('Unbounded') ? true : null);
  return until(look, { what: 'the guest to be on its way', timeoutMs: 30_000, intervalMs: 100 });
}

function whenBooted(): Promise<true> {
  const look = async () => {
    const log = join(hostNamed(guest.host).instancesDir, guest.id, 'console.log');
    return (await command('cat', [log]).catch(() => '')).includes('DISKS SHOWN') ? true : null;
  };
  return until(look, { what: 'the guest to boot', timeoutMs: 60_000, intervalMs: 100 });
}

/** Resolves with the number that the guest says next: it counts seconds, in its memory. */
async function ticked(): Promise<number> {
  const log = join(hostNamed((await record()).host).instancesDir, guest.id, 'console.log');
  const last = async () => Number(/.*TICK (\d+)/s.exec(await command('cat', [log]).catch(() => ''))?.[1] ?? 0);
  const before = await last();
  const look = async () => ((await last()) > before ? last() : null);
  return until(look, { what: 'the guest to tick', timeoutMs: 30_000, intervalMs: 100 });
}

/** The boots that the guest noted on its disk, which is off. */
async function journal(): Promise<readonly string[]> {
  const host = hostNamed((await record()).host);
  const flat = join(host.instancesDir, guest.id, 'journal.raw');
  const inside = `${instances}/${guest.id}`;
  await runInHost(host, ['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', `${inside}/disk`, `${inside}/journal.raw`]);
  const text = await command('debugfs', ['-R', 'cat /journal', flat]);
  await rm(flat);
  return text.split('\n').filter((line) => line !== '');
}
