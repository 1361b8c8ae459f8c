import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../../src/model/host.ts';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import { fakeDevice } from './fake-devices.ts';
import { eventually, type FakeHost, type Fleet, furnish, leftOvers, type Run, startFleet, viewOf } from './fleet.ts';

const isLong = process.env['NOVAFLOW_TEST_ALL'] === '1';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const network = 'devices';

const [one, two] = ['devices-1', 'devices-2'] as const;

// Hosts whose disks are whole devices: writing an image to one takes long, and so does wiping it. Instances are built on the first.
beforeAll(async () => {
  fleet = await startFleet([one, two]);
  request = await furnish(fleet, network);
  await fleet.run('disableHost', { host: two });
  for (const host of fleet.hosts.values()) Object.assign(host, { copiesLong: true, isolates: true });
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

test('a whole device is written on the long queue, and wiped there before its instance counts as deleted', async () => {
  const build = await fleet.start('buildInstance', request('whole'));
  const { id } = (await build.result()) as Instance;
  expect(await queueOf('writeDisks', build)).toBe('compute/devices-1/long');
  expect(await leftOvers(fleet, id, network)).toContain('device of devices-1');

  const { reached, release } = fleet.holdAt('wipeDisks');
  const deletion = await fleet.start('deleteInstance', { instanceId: id });
  await reached;
  expect(await fleet.record<Instance>(`instance/${id}`)).toMatchObject({ vmState: 'active', taskState: 'deleting' });
  release();
  expect(await deletion.result()).toMatchObject({ vmState: 'deleted' });
  expect(await queueOf('wipeDisks', deletion)).toBe('compute/devices-1/long');
  expect(await leftOvers(fleet, id, network)).toEqual([]);
});

test('a build that fails wipes the device that it had', async () => {
  fleet.at('defineDomain', () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire')));
  const build = await fleet.start('buildInstance', request('fails'));
  expect(await endOf(build)).toMatchObject({ type: 'OperationFailed', details: { step: 'defineDomain' } });
  expect(await queueOf('wipeDisks', build)).toBe('compute/devices-1/long');
  expect(await leftOvers(fleet, build.firstExecutionRunId, network)).toEqual([]);
});

test('a delete whose device cannot be wiped waits for an operator, and the device is nobody else’s meanwhile', async () => {
  const { id } = await fleet.run<Instance>('buildInstance', request('broken'));
  fleet.at('wipeDisks', () => Promise.reject(ApplicationFailure.nonRetryable('another drive has its path', 'DeviceDiffers')));
  const deletion = await fleet.start('deleteInstance', { instanceId: id });
  expect(await eventually(async () => (await viewOf(deletion)).parked)).toMatchObject({ step: 'wipeDisks', host: 'devices-1' });
  expect(await leftOvers(fleet, id, network)).toContain('device of devices-1');
  fleet.leaveAlone();
  await deletion.executeUpdate('retry', { args: [{ reason: 'the drive is back in its place' }] });
  await deletion.result();
  expect(await leftOvers(fleet, id, network)).toEqual([]);
});

describe('an instance on a whole device', () => {
  beforeAll(() => fleet.run('enableHost', { host: two }));
  afterEach(() => {
    Object.assign(hostOf(one), { migrationsGo: 'through' });
    Object.assign(hostOf(two), { isolates: true, areDevicesDirty: false });
  });

  test('that is resized is written into one of its destination, and its own is kept until it is confirmed, then wiped', async () => {
    const { id, run } = await resized('confirmed');
    expect(await recordOf(id)).toMatchObject({ host: two, disks: [{ kind: 'isolate', device: fakeDevice(two) }] });
    expect(await sent(run)).toEqual(['openDiskReceiver', 'sendDisk', 'sealDisk']);
    expect(devicesOf(id)).toEqual({ [one]: 'taken', [two]: 'taken' });
    await run.executeUpdate('confirm', { args: [{}] });
    await run.result();
    expect(await queueOf('wipeDisks', run)).toBe('compute/devices-1/long');
    expect(devicesOf(id)).toEqual({ [two]: 'taken' });
    await gone(id);
  });

  test.for(isLong ? ['resizeInstance', 'liveMigrateInstance'] : [])(
    'that goes by %s between hosts that share a directory is sent to the device of the other, too',
    async (type) => {
      const id = await built(`shared-${type}`);
      const ownProbes = hostOf(two).probes;
      hostOf(two).probes = hostOf(one).probes;
      const run = await fleet.start(type, { instanceId: id, host: two, ...(type === 'resizeInstance' ? { flavor: large } : {}) });
      const rested = await eventually(async () => {
        const instance = await recordOf(id);
        return instance.host === two && instance.operation === null ? instance : null;
      });
      hostOf(two).probes = ownProbes;
      expect(rested).toMatchObject({ disks: [{ device: fakeDevice(two) }] });
      if (type === 'resizeInstance') {
        expect(rested.migration).toMatchObject({ storage: 'shared' });
        expect(await sent(run)).toEqual(['openDiskReceiver', 'sendDisk', 'sealDisk']);
        await run.executeUpdate('revert', { args: [{}] });
        await run.result();
        expect(devicesOf(id)).toEqual({ [one]: 'taken' });
      } else expect(devicesOf(id)).toEqual({ [two]: 'taken' });
      await gone(id);
    },
  );

  test('whose resize is reverted runs on its own again before that of the destination is wiped', async () => {
    const { id, run } = await resized('reverted');
    const { reached, release } = fleet.holdAt('wipeDisks');
    await run.executeUpdate('revert', { args: [{}] });
    expect(await reached).toMatchObject({ host: two });
    expect(hostOf(one).guests.get(id)).toBe('running');
    release();
    expect(await run.result()).toMatchObject({ host: one, disks: [{ device: fakeDevice(one) }] });
    expect(devicesOf(id)).toEqual({ [one]: 'taken' });
    await gone(id);
  });

  test('whose resize fails runs on its own again before what was written elsewhere is wiped', async () => {
    const id = await built('undone');
    fleet.at('placeDisks', () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire')));
    let whenWiped: string | undefined;
    fleet.at('wipeDisks', async (point) => {
      if (point === 'before') whenWiped = hostOf(one).guests.get(id);
    });
    const run = await fleet.start('resizeInstance', { instanceId: id, flavor: large, host: two, onFailure: 'rollback' });
    expect(await endOf(run)).toMatchObject({ details: { step: 'placeDisks' } });
    expect(whenWiped).toBe('running');
    expect(devicesOf(id)).toEqual({ [one]: 'taken' });
    await gone(id);
  });

  test.for([['resizeInstance', 'shutDownGuest'] as const, ...(isLong ? [['liveMigrateInstance', 'prepareLiveArrival'] as const] : [])])(
    'goes nowhere by %s where no device is free, and one that carries something is wiped before the guest is touched',
    async ([type, first]) => {
      const id = await built(`refused-${type}`);
      const how = { instanceId: id, host: two, ...(type === 'resizeInstance' ? { flavor: large } : {}) };
      Object.assign(hostOf(two), { isolates: false, areDevicesDirty: true });
      expect(await endOf(await fleet.start(type, how))).toMatchObject({
        type: 'MigrationPreCheckError',
        message: expect.stringContaining('it has no free device'),
      });
      expect(devicesOf(id)).toEqual({ [one]: 'taken' });
      hostOf(two).isolates = true;
      const { reached, release } = fleet.holdAt('clearDevices');
      const run = await fleet.start(type, how);
      await reached;
      expect(hostOf(one).guests.get(id)).toBe('running');
      release();
      await eventually(async () => ((await recordOf(id)).host === two && (await recordOf(id)).operation === null ? true : null));
      const steps = (await viewOf(run)).steps.map(({ name }) => name);
      expect(steps.indexOf('clearDevices')).toBeLessThan(steps.indexOf(first));
      await gone(id);
    },
  );

  test('whose destination falls silent as it gives its device goes nowhere, and the host owes what it may have given', async () => {
    const id = await built('silent');
    fleet.at('giveDevices', async (point) => {
      if (point === 'after') throw ApplicationFailure.nonRetryable('nobody answers', 'LibvirtUnreachable');
    });
    fleet.at('takeDevicesBack', () => Promise.reject(ApplicationFailure.nonRetryable('nobody answers', 'LibvirtUnreachable')));
    const run = await fleet.start('resizeInstance', { instanceId: id, flavor: large, host: two });
    expect(await endOf(run)).toMatchObject({ type: 'MigrationPreCheckError', message: expect.stringContaining('nobody answers') });
    expect((await fleet.record<Host>(`host/${two}`)).debts).toMatchObject([{ instanceId: id }]);
    fleet.leaveAlone();
    await fleet.lose(two);
    await fleet.bringBack(two);
    expect((await fleet.record<Host>(`host/${two}`)).debts).toEqual([]);
    await gone(id);
  });

  test('that moves while its guest runs is mirrored into one of its destination, and its own is wiped', async () => {
    const id = await built('live');
    const run = await fleet.start('liveMigrateInstance', { instanceId: id, host: two });
    expect(await run.result()).toMatchObject({ host: two, disks: [{ kind: 'isolate', device: fakeDevice(two) }] });
    expect(await queueOf('wipeDisks', run)).toBe('compute/devices-1/long');
    expect(devicesOf(id)).toEqual({ [two]: 'taken' });
    await gone(id);
  });

  test('that does not get there while its guest runs keeps its own, and the one it was given is wiped', async () => {
    const id = await built('stays');
    hostOf(one).migrationsGo = 'wrong';
    const run = await fleet.start('liveMigrateInstance', { instanceId: id, host: two });
    expect(await endOf(run)).toMatchObject({ type: 'OperationFailed' });
    expect(await recordOf(id)).toMatchObject({ host: one, disks: [{ device: fakeDevice(one) }] });
    expect(await queueOf('wipeDisks', run)).toBe('compute/devices-2/long');
    expect(devicesOf(id)).toEqual({ [one]: 'taken' });
    await gone(id);
  });
});

const large = { name: 'large', vcpus: 2, memoryMiB: 256, rootGiB: 2 };

const recordOf = (id: string) => fleet.record<Instance>(`instance/${id}`);

function hostOf(name: string): FakeHost {
  const host = fleet.hosts.get(name);
  if (host === undefined) throw new Error(`there is no host ${name}`);
  return host;
}

/** An instance on the first host. */
async function built(name: string): Promise<string> {
  await fleet.run('disableHost', { host: two });
  const { id } = await fleet.run<Instance>('buildInstance', request(name));
  await fleet.run('enableHost', { host: two });
  return id;
}

async function resized(name: string): Promise<{ readonly id: string; readonly run: Run }> {
  const id = await built(name);
  const run = await fleet.start('resizeInstance', { instanceId: id, flavor: large, host: two });
  await eventually(async () => ((await recordOf(id)).vmState === 'resized' ? true : null));
  return { id, run };
}

/** Which hosts have a device of the instance. */
function devicesOf(id: string): Record<string, string | undefined> {
  return Object.fromEntries([one, two].flatMap((name) => (hostOf(name).devices.has(id) ? [[name, hostOf(name).devices.get(id)]] : [])));
}

/** Of the steps that send a disk, those that were taken. */
async function sent(run: Run): Promise<readonly string[]> {
  const steps = (await viewOf(run)).steps.map(({ name }) => name);
  return steps.filter((name) => ['openDiskReceiver', 'sendDisk', 'sealDisk'].includes(name));
}

async function gone(id: string): Promise<void> {
  await fleet.run('deleteInstance', { instanceId: id });
  expect(await leftOvers(fleet, id, network)).toEqual([]);
}

async function queueOf(step: string, run: Run): Promise<string | null | undefined> {
  const { events } = await run.fetchHistory();
  const scheduled = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: attributes }) => attributes ?? []);
  return scheduled.find(({ activityType }) => activityType?.name === step)?.taskQueue?.name;
}
