import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { killLibvirtd, type LabHost, startLibvirtd } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { OperationView } from '../../src/model/operation.ts';
import { findings, letGo, type Stopped, startStopped, whenHit } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import type { Asking } from './asking.ts';
import type { OwnCloud } from './cloud-fixture.ts';
import { comeBack, emptyDisk, fallSilent, fillDisk, freezeWorker, whenHostIs } from './losses.ts';
import { runsOn } from './moving.ts';

/** A guest that moves, in a cloud of two hosts. */
export interface MovingGuest {
  readonly own: () => OwnCloud;
  readonly guest: () => Instance;
  readonly asking: Asking;
  readonly place: () => Promise<LabHost>;
  readonly otherHost: () => Promise<LabHost>;
  readonly ticked: () => Promise<number>;
}

/** Tests of migrations whose hosts fail in the middle. `hasOwnDisks`: each host has a file system of its own for its instances. */
export function lossTests({ own, guest, asking, place, otherHost, ticked }: MovingGuest, hasOwnDisks: boolean): void {
  const { run, record, start } = asking;
  /** Its disks take half a minute: a host is missed before they are there. */
  const half = { bandwidthMiBps: 32 };
  const recordNow = () => record<Instance>(`instance/${guest().id}`);

  const full = [
    ['before it is copied', 'prepareLiveArrival', 'after', { type: 'DiskSpaceLow' }],
    ['while it is', 'migrateGuest', 'before', { type: 'OperationFailed', message: expect.stringContaining('No space left on device') }],
  ] as const;

  test.for(hasOwnDisks ? full : [])('runs on where it was when the disk of its destination is full %s', async ([, step, point, end]) => {
    const [source, destination] = [await place(), await otherHost()];
    const request = { instanceId: guest().id, host: destination.name };
    const stopped = await startStopped(own(), 'liveMigrateInstance', { step, point, request });
    await whenHit(own(), stopped);
    await fillDisk(destination);
    await letGo(own(), stopped);
    const seen = await endOf(stopped.run);
    await emptyDisk(destination);
    expect(seen).toMatchObject(end);
    await requireAt(source);
    expect(await filesOn(destination, guest().id)).toEqual(['generation', 'lock']);
    expect(await findings(own())).toEqual([]);
  });

  test('runs on where it was when its destination is lost while it is copied, which is cleaned when it is back', async () => {
    const [source, destination] = [await place(), await otherHost()];
    const stopped = await stoppedInTheCopy(guest().id, { bandwidthMiBps: 1 });
    await fallSilent(destination, source);
    await letGo(own(), stopped);
    expect(await endOf(stopped.run)).toMatchObject({ type: 'OperationFailed' });
    await requireAt(source);
    await comeBack(own(), destination, source);
    if (hasOwnDisks) expect(await filesOn(destination, guest().id)).toEqual(['generation', 'lock']);
    await requireAt(source);
    expect(await findings(own())).toEqual([]);
  });

  test.for(['source', 'destination'] as const)('gets there though the libvirtd of its %s is killed while it is copied', async (which) => {
    const [source, destination] = [await place(), await otherHost()];
    const stopped = await stoppedInTheCopy(guest().id, half);
    const host = which === 'source' ? source : destination;
    await killLibvirtd(host);
    await startLibvirtd(host);
    await letGo(own(), stopped);
    await stopped.run.result();
    expect((await stepsOfRun(stopped)).filter((name) => name === 'migrateGuest')).toHaveLength(2);
    await requireAt(destination);
    expect(await findings(own())).toEqual([]);
  });

  test('gets there though the worker of its source is frozen while it is copied, until its host counts as down', async () => {
    const [source, destination] = [await place(), await otherHost()];
    const stopped = await stoppedInTheCopy(guest().id, half);
    const thaw = await freezeWorker(own(), source);
    await letGo(own(), stopped);
    thaw();
    await stopped.run.result();
    await whenHostIs(own(), source, 'up');
    await requireAt(destination);
    expect(await findings(own())).toEqual([]);
  });

  test('gets there though the worker of its destination is frozen as it arrives, until its host counts as down and is waited for', async () => {
    const destination = await otherHost();
    const stopped = await stoppedInTheCopy(guest().id, half);
    const thaw = await freezeWorker(own(), destination);
    await letGo(own(), stopped);
    await until(async () => ((await runsOn(destination, guest().id)) ? true : null), { what: 'its arrival', timeoutMs: 120_000 });
    await until(async () => ((await stepsOfRun(stopped)).includes('awaitGuest') ? true : null), {
      what: 'the wait for the destination',
      timeoutMs: 60_000,
      intervalMs: 100,
    });
    thaw();
    await stopped.run.result();
    await whenHostIs(own(), destination, 'up');
    await requireAt(destination);
    expect(await findings(own())).toEqual([]);
  });

  test('that is deleted while it is copied is gone from both hosts', async () => {
    const flavor = { name: 'doomed', vcpus: 1, memoryMiB: 128, rootGiB: 0 };
    const { id: instanceId } = await run<Instance>('buildInstance', { name: 'doomed', image: 'tiny', flavor });
    const stopped = await stoppedInTheCopy(instanceId, { bandwidthMiBps: 1 });
    const deletion = await start('deleteInstance', { instanceId });
    await letGo(own(), stopped);
    expect(await deletion.result()).toMatchObject({ vmState: 'deleted' });
    expect(await endOf(stopped.run)).toMatchObject({ type: 'Canceled' });
    for (const host of own().cloud.lab.hosts) {
      expect(await runsOn(host, instanceId)).toBe(false);
      expect(await filesOn(host, instanceId)).toEqual(['generation', 'lock']);
    }
    expect(await findings(own())).toEqual([]);
  });

  async function requireAt({ name: host }: LabHost): Promise<void> {
    expect(await recordNow()).toMatchObject({ vmState: 'active', powerState: 'running', host, migration: null, operation: null });
    await ticked();
  }

  async function stoppedInTheCopy(instanceId: string, how: object): Promise<Stopped> {
    const request = { instanceId, ...how };
    const stopped = await startStopped(own(), 'liveMigrateInstance', { step: 'migrateGuest', point: 'copying', request });
    await whenHit(own(), stopped);
    return stopped;
  }
}

async function stepsOfRun({ run }: Stopped): Promise<readonly string[]> {
  return (await run.query<OperationView>('operation')).steps.map(({ name }) => name);
}

async function filesOn({ instancesDir }: LabHost, instanceId: string): Promise<readonly string[]> {
  return (await readdir(join(instancesDir, instanceId))).sort();
}
