import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, type LabHost, processesOf, runInHost, signalProcess } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import { findings, letGo, startStopped, whenHit } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { asking } from './asking.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { lossTests } from './live-migrate-losses.ts';
import { postCopyTests } from './live-migrate-post-copy.ts';
import { bootsOnDisk, killComputeWorkers, runsOn, watchForTwo } from './moving.ts';
import { seenGuest } from './seen-guest.ts';

const flavor = { name: 'moving', vcpus: 1, memoryMiB: 128, rootGiB: 1, ephemeralGiB: 1, swapMiB: 16 };
const isLong = process.env['NOVAFLOW_TEST_ALL'] === '1';
/** How many of a host's guests move at once. */
const slots = 3;

let own: OwnCloud;
let guest: Instance;
let watch: ReturnType<typeof watchForTwo>;
const asked = asking(() => own);
const { run, record, hostNamed } = asked;

/** With a directory each, disks are mirrored; with one for both, nothing is copied. */
const storages = isLong ? (['separate', 'shared'] as const) : (['separate'] as const);

describe.each(storages)('a guest on hosts whose storage is %s', (storage) => {
  beforeAll(async () => {
    own = await ownCloud(
      `live-${storage}`,
      { NOVAFLOW_SLOTS_LONG: `${slots}`, NOVAFLOW_HOST_CAPACITY_VCPUS: '32', NOVAFLOW_HOST_CAPACITY_DISK_GIB: '100' },
      { shared: storage === 'shared', ...(isLong && storage === 'separate' ? { instancesSizeMiB: 4096 } : {}) },
    );
    await importGuest(own.cloud, await buildGuest({}));
    guest = await run<Instance>('buildInstance', { name: 'moves', image: 'tiny', flavor });
    await seenGuest(guest, hostNamed(guest.host ?? '')).whenBooted(1);
    watch = watchForTwo(own.cloud.lab.hosts, guest.id, runsOn);
  }, 120_000);
  afterAll(async () => {
    await watch?.stop();
    await own?.[Symbol.asyncDispose]();
  });

  test('goes to the other host while it runs, with all its disks, and leaves nothing where it was', async () => {
    const [source, destination] = [await place(), await otherHost()];
    const ticks = await ticked();
    expect(await run('liveMigrateInstance', { instanceId: guest.id, host: destination.name })).toMatchObject({
      ...{ vmState: 'active', powerState: 'running', host: destination.name, migration: null },
    });
    expect(await ticked()).toBeGreaterThan(ticks);
    expect(await filesOn(source)).toEqual(storage === 'shared' ? await filesOn(destination) : ['generation', 'lock']);
    const inactive = await runInHost(destination, ['virsh', 'dumpxml', '--inactive', guest.id]);
    expect(inactive).toContain(`/${guest.id}/disk.config`);
    expect(await findings(own)).toEqual([]);
  });

  test('that is paused arrives paused, and runs on there', async () => {
    await run('pauseInstance', { instanceId: guest.id });
    expect(await run('liveMigrateInstance', { instanceId: guest.id })).toMatchObject({ vmState: 'paused', powerState: 'paused' });
    expect(await run('unpauseInstance', { instanceId: guest.id })).toMatchObject({ vmState: 'active', powerState: 'running' });
    await ticked();
    expect(await findings(own)).toEqual([]);
  });

  test('gets there though the workers of both hosts are killed while it is copied', async () => {
    const { name: host } = await otherHost();
    // The long pause keeps QEMU from sending memory in many small rounds, in which it loses pages without KVM (`mayLosePages`).
    const stopped = await stoppedInTheCopy({ host, bandwidthMiBps: 64, maxDowntimeMs: 5000 });
    await killComputeWorkers(own);
    await letGo(own, stopped);
    expect(await stopped.run.result()).toMatchObject({ vmState: 'active', host });
    await ticked();
    expect(await findings(own)).toEqual([]);
  });

  test('stays when its migration is cancelled while it is copied, and nothing is left at the destination', async () => {
    const [source, destination] = [await place(), await otherHost()];
    const stopped = await stoppedInTheCopy({ host: destination.name, bandwidthMiBps: 1 });
    await letGo(own, stopped);
    await stopped.run.cancel();
    expect(await endOf(stopped.run)).toMatchObject({ type: 'Canceled' });
    expect(await record(`instance/${guest.id}`)).toMatchObject({ vmState: 'active', powerState: 'running', host: source.name });
    await ticked();
    if (storage === 'separate') expect(await filesOn(destination)).toEqual(['generation', 'lock']);
    expect(await findings(own)).toEqual([]);
  });

  if (isLong) {
    lossTests({ own: () => own, guest: () => guest, asking: asked, place, otherHost, ticked }, storage === 'separate');

    test('whose QEMU is killed at the destination while it is copied runs on where it was', async () => {
      const [source, destination] = [await place(), await otherHost()];
      const stopped = await stoppedInTheCopy({ host: destination.name, bandwidthMiBps: 1 });
      await killQemu(destination);
      await letGo(own, stopped);
      expect(await endOf(stopped.run)).toMatchObject({ type: 'OperationFailed' });
      expect(await record(`instance/${guest.id}`)).toMatchObject({ vmState: 'active', powerState: 'running', host: source.name });
      await ticked();
      expect(await findings(own)).toEqual([]);
    });

    test('whose QEMU is killed at the source while it is copied is stopped there, and starts on its disk', async () => {
      const source = await place();
      const boots = await seenGuest(guest, source).boots();
      const stopped = await stoppedInTheCopy({ bandwidthMiBps: 1 });
      await killQemu(source);
      await letGo(own, stopped);
      expect(await endOf(stopped.run)).toMatchObject({ type: 'OperationFailed' });
      expect(await record(`instance/${guest.id}`)).toMatchObject({ vmState: 'stopped', powerState: 'shutdown', host: source.name });
      expect(await run('startInstance', { instanceId: guest.id })).toMatchObject({ vmState: 'active' });
      await seenGuest(guest, source).whenBooted(boots + 1);
      expect(await findings(own)).toEqual([]);
    });

    test('is one of ten that move at once, of which no host sends more than it may', async () => {
      const built = await Promise.all(
        Array.from({ length: 9 }, (_, index) => run<Instance>('buildInstance', { name: `crowd-${index}`, image: 'tiny', flavor: crowded })),
      );
      const ids = [guest, ...built].map(({ id }) => id);
      const before = await Promise.all(ids.map((id) => record<Instance>(`instance/${id}`)));
      const counts: number[] = [];
      const moving = Promise.all(ids.map((instanceId) => run<Instance>('liveMigrateInstance', { instanceId })));
      const isOver = moving.then(
        () => true,
        () => true,
      );
      while (!(await Promise.race([isOver, setTimeout(200, false)]))) counts.push(await mostSent());
      const after = await moving;
      expect(after.map(({ host }, index) => host === before[index]?.host)).toEqual(ids.map(() => false));
      expect(Math.max(...counts)).toBeGreaterThan(0);
      expect(Math.max(...counts)).toBeLessThanOrEqual(slots);
      expect(await findings(own)).toEqual([]);
      for (const { id } of built) await run('deleteInstance', { instanceId: id });
    });
  }

  test('has its whole journal when it is stopped, and was never on two hosts at once', async () => {
    await run('stopInstance', { instanceId: guest.id });
    expect(await bootsOnDisk(await place(), guest.id)).toEqual(isLong ? ['1', '2'] : ['1']);
    expect(await watch.stop()).toEqual([]);
    await run('deleteInstance', { instanceId: guest.id });
    expect(await findings(own)).toEqual([]);
  });
});

if (isLong) postCopyTests();

const crowded = { name: 'crowded', vcpus: 1, memoryMiB: 64, rootGiB: 0 };

async function place(): Promise<LabHost> {
  return hostNamed((await record<Instance>(`instance/${guest.id}`)).host ?? '');
}

async function otherHost(): Promise<LabHost> {
  const { name: here } = await place();
  return hostNamed(own.cloud.lab.hosts.find(({ name }) => name !== here)?.name ?? '');
}

async function filesOn({ instancesDir }: LabHost): Promise<string[]> {
  return (await readdir(join(instancesDir, guest.id))).sort();
}

/** The number that the guest says next: it counts seconds, in its memory. */
async function ticked(): Promise<number> {
  const seen = seenGuest(guest, await place());
  const next = (await seen.lastTick()) + 1;
  await seen.whenTick(next);
  return seen.lastTick();
}

/** A migration whose worker is stopped once QEMU copies, which goes on. */
async function stoppedInTheCopy(how: object) {
  const request = { instanceId: guest.id, ...how };
  const stopped = await startStopped(own, 'liveMigrateInstance', { step: 'migrateGuest', point: 'copying', request });
  await whenHit(own, stopped);
  return stopped;
}

async function isSending(host: LabHost, id: string): Promise<boolean> {
  const job = await runInHost(host, ['virsh', 'domjobinfo', id]).catch(() => '');
  return job.includes('Unbounded') && job.includes('Outgoing migration');
}

/** The most guests that one host sends now. */
async function mostSent(): Promise<number> {
  const counts = await Promise.all(
    own.cloud.lab.hosts.map(async (host) => {
      const ids = (await runInHost(host, ['virsh', 'list', '--uuid'])).split('\n').filter((id) => id !== '');
      return (await Promise.all(ids.map((id) => isSending(host, id)))).filter(Boolean).length;
    }),
  );
  return Math.max(...counts);
}

/** As when the machine runs out of memory. One that a guest is to come to is there a moment after it is on its way. */
async function killQemu(host: LabHost): Promise<void> {
  const look = async () =>
    (await processesOf(host)).find(({ command }) => command.includes('qemu-system') && command.includes(guest.id)) ?? null;
  signalProcess(await until(look, { what: `a QEMU of ${guest.id} on ${host.name}`, timeoutMs: 10_000 }), 'SIGKILL');
}
