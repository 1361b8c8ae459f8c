import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, cutApart, type LabHost, loseHost, rejoin, runInHost } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { OperationView } from '../../src/model/operation.ts';
import { type FaultPoint, findings, letGo, type Stopped, startStopped, whenHit } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { asking } from './asking.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { comeBack, emptyDisk, fallSilent, fillDisk, whenHostIs } from './losses.ts';
import { bootsOnDisk, hasQemu, watchForTwo } from './moving.ts';
import { seenGuest } from './seen-guest.ts';

const small = { name: 'small', vcpus: 1, memoryMiB: 128, rootGiB: 0, ephemeralGiB: 1 };
const larger = { ...small, name: 'larger', memoryMiB: 160 };

/** Tests of resizes whose hosts fail in the middle, of one guest whose journal has each of its boots in the end. */
export function lossTests(): void {
  let own: OwnCloud;
  let guest: Instance;
  let watch: ReturnType<typeof watchForTwo>;
  let boots = 0;
  const { run, start, record, hostNamed } = asking(() => own);

  describe('an instance on hosts that fail', () => {
    beforeAll(async () => {
      const settings = {
        NOVAFLOW_SHUTDOWN_TIMEOUT_SECONDS: '20',
        NOVAFLOW_TRANSFER_SILENCE_SECONDS: '3',
        NOVAFLOW_HOST_CAPACITY_DISK_GIB: '100',
      };
      own = await ownCloud('resize-losses', settings, { instancesSizeMiB: 4096 });
      await importGuest(own.cloud, await buildGuest({}));
      guest = await run<Instance>('buildInstance', { name: 'struck', image: 'tiny', flavor: small });
      await whenBootedAnew(1);
      watch = watchForTwo(own.cloud.lab.hosts, guest.id, hasQemu);
    }, 120_000);
    afterAll(async () => {
      await watch?.stop();
      await own?.[Symbol.asyncDispose]();
    });

    test('runs again where it was when the disk of its destination is full', async () => {
      const at = await stoppedAt('setDisksAside', 'after', { onFailure: 'rollback' });
      const { destination, stopped } = at;
      await fillDisk(destination);
      await letGo(own, stopped);
      const end = await endOf(stopped.run);
      await emptyDisk(destination);
      expect(end).toMatchObject({ type: 'DiskSpaceLow' });
      await requireBackAt(at);
    });

    test('waits for an operator when the disk of its destination is full, and gets there once there is room', async () => {
      const { destination, stopped } = await stoppedAt('setDisksAside', 'after');
      await fillDisk(destination);
      await letGo(own, stopped);
      const parked = await until(async () => (await stopped.run.query<OperationView>('operation')).parked, {
        what: 'the resize to park',
        timeoutMs: 60_000,
        intervalMs: 100,
      });
      expect(parked.failure).toMatchObject({ type: 'DiskSpaceLow' });
      await emptyDisk(destination);
      await stopped.run.executeUpdate('retry', { args: [{ reason: 'there is room again' }] });
      await requireResized(destination);
      await decided(stopped.run, 'confirm');
    });

    test('gets there though its hosts are cut from one another while it is sent', async () => {
      const { source, destination, stopped } = await stoppedAt('setDisksAside', 'after');
      await cutApart(source, destination);
      await letGo(own, stopped);
      const broken = async () => {
        const { events } = await stopped.run.fetchHistory();
        return (
          events?.some(
            ({ activityTaskFailedEventAttributes: failed }) => failed?.failure?.applicationFailureInfo?.type === 'TransferBroken',
          ) === true || null
        );
      };
      await until(broken, { what: 'the end of the first attempt', timeoutMs: 60_000, intervalMs: 200 });
      await rejoin(source);
      await requireResized(destination);
      await decided(stopped.run, 'confirm');
    });

    test('runs again where it was when its destination is lost, which is cleaned when it is back', async () => {
      const at = await stoppedAt('placeDisks', 'during', { onFailure: 'rollback' });
      const { source, destination, stopped } = at;
      await fallSilent(destination, source);
      await letGo(own, stopped);
      expect(await endOf(stopped.run)).not.toBeNull();
      expect(await recordNow()).toMatchObject({ vmState: 'active', powerState: 'running', host: source.name });
      await comeBack(own, destination, source);
      await requireBackAt(at);
    }, 240_000); // 70 s pass before a copy's host counts as lost, and 10 s with each of four undos

    test('is confirmed at once while the host that it came from is down, which is cleaned when it is back', async () => {
      const [source, destination] = await sides();
      const resize = await start('resizeInstance', { instanceId: guest.id, flavor: await otherFlavor(), host: destination.name });
      await requireResized(destination);
      await loseHost(source);
      await whenHostIs(own, source, 'down');
      await decided(resize, 'confirm');
      await comeBack(own, source, destination);
      expect(await leftOn(source)).toEqual(tombstone());
      expect(await runInHost(source, ['virsh', 'list', '--all', '--uuid'])).not.toContain(guest.id);
      expect(await findings(own)).toEqual([]);
    });

    test('has its whole journal when it is stopped, and never ran on two hosts', async () => {
      await run('stopInstance', { instanceId: guest.id });
      const [place] = await sides();
      expect(await bootsOnDisk(place, guest.id)).toEqual(Array.from({ length: boots }, (_, index) => `${index + 1}`));
      expect(await watch.stop()).toEqual([]);
      await run('deleteInstance', { instanceId: guest.id });
    });

    test.for([
      ['stays a whole file where that is wanted', 'raw', 'false', 'raw'],
      ['becomes a qcow2 where the destination keeps those', 'qcow2', 'true', 'qcow2'],
    ] as const)('a raw root disk %s, grown, with all that its guest wrote', async ([, imagesType, useCowImages, becomes]) => {
      await keepDisks({ NOVAFLOW_IMAGES_TYPE: 'raw' });
      guest = await run<Instance>('buildInstance', { name: `raw-${becomes}`, image: 'tiny', flavor: { ...small, rootGiB: 1 } });
      expect(guest.disks[0]).toMatchObject({ kind: 'raw', format: 'raw', backing: null });
      await seenGuest(guest, (await sides())[0]).whenBooted(1);
      await keepDisks({ NOVAFLOW_IMAGES_TYPE: imagesType, NOVAFLOW_USE_COW_IMAGES: useCowImages });
      const [, destination] = await sides();
      const resize = await start('resizeInstance', { instanceId: guest.id, flavor: { ...larger, rootGiB: 2 }, host: destination.name });
      const { disks } = await whenResized();
      expect(disks[0]).toMatchObject({ kind: becomes, format: becomes, sizeBytes: 2 * 1024 ** 3, backing: null });
      const there = seenGuest(guest, destination);
      await there.whenBooted(1);
      expect(await there.console()).toMatch(/ROOT (19|20)\d{5} KiB/);
      await resize.executeUpdate('confirm', { args: [{}] });
      await resize.result();
      await run('stopInstance', { instanceId: guest.id });
      expect(await bootsOnDisk(destination, guest.id, becomes)).toEqual(['1', '2']);
      expect(await findings(own)).toEqual([]);
      await run('deleteInstance', { instanceId: guest.id });
      expect(await findings(own)).toEqual([]);
    });
  });

  /** What tells of an instance that was here. */
  function tombstone(): readonly string[] {
    return ['generation', 'lock'].map((name) => `${guest.id}/${name}`);
  }

  function recordNow(): Promise<Instance> {
    return record<Instance>(`instance/${guest.id}`);
  }

  /** Where it is, and the other host. */
  async function sides(): Promise<readonly [LabHost, LabHost]> {
    const { host } = await recordNow();
    const other = own.cloud.lab.hosts.find(({ name }) => name !== host);
    return [hostNamed(host ?? ''), hostNamed(other?.name ?? '')];
  }

  async function otherFlavor(): Promise<typeof small> {
    return (await recordNow()).flavor.name === small.name ? larger : small;
  }

  /** A resize to the other host, stopped at a step. */
  async function stoppedAt(step: string, point: FaultPoint, how: object = {}) {
    const [source, destination] = await sides();
    const bootsBefore = await seenGuest(guest, source).boots();
    const request = { instanceId: guest.id, flavor: await otherFlavor(), host: destination.name, ...how };
    const stopped: Stopped = await startStopped(own, 'resizeInstance', { step, point, request });
    await whenHit(own, stopped);
    return { source, destination, stopped, bootsBefore };
  }

  /** Resolves when the guest has booted so often where it is; its console begins anew where it comes to another host. */
  async function whenBootedAnew(times: number): Promise<void> {
    const [place] = await sides();
    await seenGuest(guest, place).whenBooted(times);
    boots += 1;
  }

  async function requireBackAt({ source, destination, bootsBefore }: Awaited<ReturnType<typeof stoppedAt>>): Promise<void> {
    expect(await recordNow()).toMatchObject({ vmState: 'active', powerState: 'running', host: source.name, migration: null });
    await whenBootedAnew(bootsBefore + 1);
    expect(await leftOn(destination)).toEqual(tombstone());
    expect(await findings(own)).toEqual([]);
  }

  async function requireResized(destination: LabHost): Promise<void> {
    expect(await whenResized()).toMatchObject({ powerState: 'running', host: destination.name });
    await whenBootedAnew(1);
    expect(await findings(own)).toEqual([]);
  }

  function whenResized(): Promise<Instance> {
    const look = async () => {
      const instance = await recordNow();
      return instance.vmState === 'resized' ? instance : null;
    };
    return until(look, { what: 'the instance to be resized', timeoutMs: 90_000, intervalMs: 50 });
  }

  async function decided(resize: WorkflowHandle, decision: 'confirm' | 'revert'): Promise<void> {
    await resize.executeUpdate<void, [object]>(decision, { args: [{}] });
    expect(await resize.result()).toMatchObject({ vmState: 'active', powerState: 'running' });
  }

  /** What a host has of the instance, with what it put aside. */
  async function leftOn({ instancesDir }: LabHost): Promise<readonly string[]> {
    const names = (await readdir(instancesDir)).filter((name) => name.startsWith(guest.id));
    const files = await Promise.all(names.map(async (name) => (await readdir(join(instancesDir, name))).map((file) => join(name, file))));
    return files.flat().sort();
  }

  /** Starts the workers of all hosts anew, with these settings. */
  async function keepDisks(settings: Readonly<Record<string, string>>): Promise<void> {
    for (const name of own.workers.compute.keys()) await own.restartCompute(name, settings);
  }
}
