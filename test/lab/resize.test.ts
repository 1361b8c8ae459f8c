import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, type LabHost } from '../../lab/lab.ts';
import { run as command } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { findings, letGo, startStopped, whenHit } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { bootsOnDisk, hasQemu, killComputeWorkers, watchForTwo } from './moving.ts';
import { lossTests } from './resize-losses.ts';

const tiny = { name: 'first', vcpus: 1, memoryMiB: 128, rootGiB: 1, ephemeralGiB: 1, swapMiB: 16 };
const larger = { ...tiny, name: 'second', memoryMiB: 160, rootGiB: 2, swapMiB: 32 };

let own: OwnCloud;
let guest: Instance;
let watch: ReturnType<typeof watchForTwo>;

/** With a directory each, disks are sent; with one for both, they are copied. */
const storages = process.env['NOVAFLOW_TEST_ALL'] === '1' ? (['separate', 'shared'] as const) : (['separate'] as const);

describe.each(storages)('an instance on hosts whose storage is %s', (storage) => {
  beforeAll(async () => {
    const settings = { NOVAFLOW_ALLOW_RESIZE_TO_SAME_HOST: 'true', NOVAFLOW_SHUTDOWN_TIMEOUT_SECONDS: '20' };
    own = await ownCloud(`resize-${storage}`, settings, { shared: storage === 'shared' });
    await importGuest(own.cloud, await buildGuest({}));
    guest = await run<Instance>('buildInstance', { name: 'moves', image: 'tiny', flavor: tiny });
    await whenBooted(1);
    watch = watchForTwo(own.cloud.lab.hosts, guest.id, hasQemu);
  }, 120_000);
  afterAll(async () => {
    await watch?.stop();
    await own?.[Symbol.asyncDispose]();
  });

  test('gets another host and a larger flavor: its guest shuts down, and comes back with its disk, larger, and a new swap', async () => {
    const there = otherThan(guest.host);
    const resize = await resizedTo(larger, there);
    expect(await record()).toMatchObject({
      vmState: 'resized',
      powerState: 'running',
      host: there,
      migration: { storage },
    });
    await whenBooted(1);
    expect(await consoleText()).toMatch(/ROOT (19|20)\d{5} KiB/);
    expect(await consoleText()).toMatch(/DISK vdc 33554432 swap/);
    expect(await consoleBefore()).toContain('GUEST DOWN');
    expect(await leftOn(hostNamed(guest.host))).toContain(`${guest.id}_resize/disk`);
    expect(await findings(own)).toEqual([]);

    await decide(resize, 'revert');
    expect(await resize.result()).toMatchObject({ vmState: 'active', host: guest.host, flavor: { name: 'first' } });
    await whenBooted(2);
    expect(await consoleText()).toMatch(/ROOT 9\d{5} KiB/);
    expect(await findings(own)).toEqual([]);
  });

  test('gets there though the workers of both hosts are killed on the way, and once confirmed nothing is left where it was', async () => {
    const there = otherThan(guest.host);
    const request = { instanceId: guest.id, flavor: larger, host: there };
    const stopped = await startStopped(own, 'resizeInstance', { step: 'placeDisks', point: 'during', request });
    await whenHit(own, stopped);
    await killComputeWorkers(own);
    await letGo(own, stopped);
    await whenResized();
    await decide(stopped.run, 'confirm');
    expect(await stopped.run.result()).toMatchObject({
      vmState: 'active',
      host: there,
      disks: [{ kind: 'qcow2', backing: { format: 'raw' } }, {}, {}, {}],
    });
    await whenBooted(1);
    expect((await leftOn(hostNamed(guest.host))).filter((name) => name.includes('_resize'))).toEqual([]);
    expect(await findings(own)).toEqual([]);
  });

  test('is resized where it is, and its journal has every boot that was not reverted', async () => {
    const here = await record();
    const resize = await resizedTo({ ...larger, name: 'third', ephemeralGiB: 2 }, here.host ?? '');
    expect(await record()).toMatchObject({ vmState: 'resized', host: here.host, migration: { storage: 'sameHost' } });
    await whenBooted(1);
    await decide(resize, 'confirm');
    await resize.result();
    expect(await findings(own)).toEqual([]);
    await run('stopInstance', { instanceId: guest.id });
    expect(await bootsOnDisk(hostNamed((await record()).host), guest.id)).toEqual(['1', '2', '3', '4']);
  });

  test('that is stopped is migrated without a start, and deleted while it waits leaves nothing', async () => {
    const migration = await start('migrateInstance', { instanceId: guest.id });
    expect(await whenResized()).toMatchObject({ powerState: 'shutdown' });
    await run('deleteInstance', { instanceId: guest.id });
    expect(await endOf(migration)).toMatchObject({ type: 'Canceled' });
    const tombstone = ['generation', 'lock'].map((name) => `${guest.id}/${name}`);
    for (const host of own.cloud.lab.hosts) expect((await leftOn(host)).sort()).toEqual(tombstone);
    expect(await findings(own)).toEqual([]);
  });

  test('never ran on two hosts', async () => {
    expect(await watch.stop()).toEqual([]);
  });
});

/** Hosts take their time to be missed and to come back. */
if (process.env['NOVAFLOW_TEST_ALL'] === '1') lossTests();

function otherThan(host: string | null): string {
  return own.cloud.lab.hosts.map(({ name }) => name).find((name) => name !== host) ?? '';
}

async function record(): Promise<Instance> {
  return own.client.workflow.getHandle(`instance/${guest.id}`).query<Instance>('record');
}

async function resizedTo(flavor: object, host: string) {
  const resize = await start('resizeInstance', { instanceId: guest.id, flavor, host });
  await whenResized();
  return resize;
}

function whenResized(): Promise<Instance> {
  const look = async () => {
    const instance = await record();
    return instance.vmState === 'resized' ? instance : null;
  };
  return until(look, { what: 'the instance to be resized', timeoutMs: 60_000, intervalMs: 50 });
}

function decide(
  resize: { executeUpdate: (name: string, options: { args: [object] }) => Promise<unknown> },
  decision: 'confirm' | 'revert',
) {
  return resize.executeUpdate(decision, { args: [{}] });
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

/** What a host has of the instance, with what it put aside. */
async function leftOn({ instancesDir }: LabHost): Promise<string[]> {
  const names = (await readdir(instancesDir)).filter((name) => name.startsWith(guest.id));
  return (await Promise.all(names.map(async (name) => (await readdir(join(instancesDir, name))).map((file) => join(name, file))))).flat();
}

/** What the guest has written to its console since its files were put aside last. */
async function consoleText(): Promise<string> {
  const { instancesDir } = hostNamed((await record()).host);
  return command('cat', [join(instancesDir, guest.id, 'console.log')]);
}

/** What it wrote before they were. */
function consoleBefore(): Promise<string> {
  return command('cat', [join(hostNamed(guest.host).instancesDir, `${guest.id}_resize`, 'console.log')]);
}

function whenBooted(times: number): Promise<true> {
  const look = async () => ((await consoleText().catch(() => '')).split('DISKS SHOWN').length > times ? true : null);
  return until(look, { what: `boot ${times}`, timeoutMs: 60_000, intervalMs: 100 });
}
