import { existsSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, runInHost } from '../../lab/lab.ts';
import { run as machine } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import { findings } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { asking } from './asking.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { loopDevice } from './devices.ts';
import { seenGuest } from './seen-guest.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const flavor = { name: 'volumes', vcpus: 1, memoryMiB: 128, rootGiB: 0, ephemeralGiB: 0, swapMiB: 0 };

let own: OwnCloud;
const { start, run, record, hostNamed } = asking(() => own);

test('an instance on logical volumes moves to the volume group of another host, running or not, and what it leaves is wiped', async ({
  skip,
}) => {
  if (!existsSync('/dev/mapper/control')) skip('lvm: no device mapper');
  for (const host of ['cn1', 'cn2']) {
    const device = await loopDevice(2048);
    onTestFinished(() => device[Symbol.asyncDispose]());
    await machine('vgcreate', [groupOf(host), device.path]);
    onTestFinished(() => machine('vgremove', ['--yes', '--force', groupOf(host)]).then(() => undefined));
  }
  const settings = { NOVAFLOW_HOST_CAPACITY_DISK_GIB: '100', NOVAFLOW_ALLOW_RESIZE_TO_SAME_HOST: 'true' };
  const settingsOf = (host: string) => ({ NOVAFLOW_IMAGES_TYPE: 'lvm', NOVAFLOW_LVM_VOLUME_GROUP: groupOf(host) });
  own = await ownCloud('lvm-moves', settings, { settingsOf });
  onTestFinished(() => own[Symbol.asyncDispose]());
  await importGuest(own.cloud, await buildGuest());

  const instance = await run<Instance>('buildInstance', { name: 'moves', image: 'tiny', flavor });
  const { id: instanceId } = instance;
  const one = instance.host ?? '';
  const other = one === 'cn1' ? 'cn2' : 'cn1';
  expect(instance.disks[0]).toMatchObject({ kind: 'lvm', device: pathOf(one, instanceId) });
  const here = seenGuest(instance, hostNamed(one));
  await here.whenTick(2);

  const arrived = await run<Instance>('liveMigrateInstance', { instanceId });
  expect(arrived).toMatchObject({ host: other, disks: [{ kind: 'lvm', device: pathOf(other, instanceId) }, {}] });
  expect(await runInHost(hostNamed(other), ['virsh', 'domblklist', instanceId])).toContain(pathOf(other, instanceId));
  const there = seenGuest(instance, hostNamed(other));
  await there.whenTick((await there.lastTick()) + 2);
  expect(await volumesOf(one)).toEqual([]);
  expect(await findings(own)).toEqual([]);

  await run('stopInstance', { instanceId, timeoutSeconds: 0 });
  const held = await start('migrateInstance', { instanceId });
  expect(await whenResized(instanceId)).toMatchObject({ host: one, disks: [{ device: pathOf(one, instanceId) }, {}] });
  expect(await digestOf(one, instanceId)).toBe(await digestOf(other, instanceId));
  await held.executeUpdate('revert', { args: [{}] });
  expect(await held.result()).toMatchObject({ host: other, disks: [{ device: pathOf(other, instanceId) }, {}] });
  expect(await volumesOf(one)).toEqual([]);
  expect(await findings(own)).toEqual([]);

  const larger = { ...flavor, name: 'larger', rootGiB: 1, swapMiB: 64 };
  const tooLarge = await endOf(await start('resizeInstance', { instanceId, flavor: { ...flavor, name: 'too-large', rootGiB: 3 } }));
  expect(tooLarge?.message).toContain(`${one}: volume group ${groupOf(one)} has`);
  expect(tooLarge?.message).toContain(`${other}: disk is a device of ${64 * MiB} bytes, ${3 * GiB} are wanted`);
  const resized = await start('resizeInstance', { instanceId, flavor: larger, host: one });
  const { disks } = await whenResized(instanceId);
  expect(disks.map(({ name, kind, sizeBytes }) => [name, kind, sizeBytes]).slice(0, 2)).toEqual([
    ['disk', 'lvm', GiB],
    ['disk.swap', 'lvm', 64 * MiB],
  ]);
  expect(await volumesOf(other)).toEqual(['disk']);
  await resized.executeUpdate('confirm', { args: [{}] });
  await resized.result();
  expect(await volumesOf(other)).toEqual([]);
  expect(await volumesOf(one)).toEqual(['disk', 'disk.swap']);
  expect(await findings(own)).toEqual([]);

  const before = await digestOf(one, instanceId);
  const onItsHost = await start('resizeInstance', { instanceId, flavor: { ...larger, name: 'more-memory', memoryMiB: 192 }, host: one });
  expect((await whenResized(instanceId)).disks).toEqual(disks);
  await onItsHost.executeUpdate('revert', { args: [{}] });
  expect(await onItsHost.result()).toMatchObject({ host: one, flavor: { name: 'larger' } });
  expect(await volumesOf(one)).toEqual(['disk', 'disk.swap']);
  expect(await digestOf(one, instanceId)).toBe(before);
  expect(await findings(own)).toEqual([]);

  await run('startInstance', { instanceId });
  await here.whenBooted(1);
  await run('deleteInstance', { instanceId });
  expect(await volumesOf(one)).toEqual([]);
  expect(await findings(own)).toEqual([]);
}, 1_500_000);

function groupOf(host: string): string {
  return `novaflow-${process.pid}-${host}`;
}

function pathOf(host: string, instanceId: string): string {
  return `/dev/${groupOf(host)}/${instanceId}_disk`;
}

/** The names of the disks that a host has volumes of. */
async function volumesOf(host: string): Promise<readonly string[]> {
  const names = await machine('lvs', ['--noheadings', '--options', 'lv_name', groupOf(host)]);
  return names.split('\n').flatMap((line) => line.trim().split('_')[1] ?? []);
}

async function digestOf(host: string, instanceId: string): Promise<string | undefined> {
  return (await machine('sha256sum', [pathOf(host, instanceId)])).split(' ')[0];
}

function whenResized(instanceId: string): Promise<Instance> {
  const look = async () => {
    const instance = await record<Instance>(`instance/${instanceId}`);
    return instance.vmState === 'resized' ? instance : null;
  };
  return until(look, { what: `${instanceId} to be resized`, timeoutMs: 60_000, intervalMs: 500 });
}
