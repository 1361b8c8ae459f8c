import { copyFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, runInHost } from '../../lab/lab.ts';
import { baseNameOf } from '../../src/model/base-name.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { findings } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { asking } from './asking.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';

const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';
let own: OwnCloud;
const { run, start, whenSaid } = asking(() => own);
let tiny: Image;

beforeAll(async () => {
  own = await ownCloud('properties');
  tiny = await importGuest(own.cloud, await buildGuest({}));
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

test("a guest's file system is as large as the disk of its flavor, and the next guest's is copied from it", async () => {
  for (const name of ['grown', 'copied']) {
    const instance = await run<Instance>('buildInstance', { name, flavor: 'lab.tiny', image: 'tiny' });
    const [, kib] = /ROOT (\d+) KiB/.exec(await whenSaid(instance.id, 'GUEST UP')) ?? [];
    expect(Number(kib)).toBeGreaterThan(0.85 * 1024 ** 2);
    await run('deleteInstance', { instanceId: instance.id });
  }
  const hosts = own.cloud.lab.hosts.map(({ instancesDir }) =>
    readdir(join(instancesDir, '_base', `${baseNameOf(tiny.id)}.grown`)).catch(() => []),
  );
  expect((await Promise.all(hosts)).flat()).toContain(`${1024 ** 3}`);
  expect(await findings(own)).toEqual([]);
});

test('a guest with its disks on SCSI finds its root and reads its address from a CD-ROM', async () => {
  await importAs('scsi', { hw_disk_bus: 'scsi', hw_cdrom_bus: 'scsi', hw_qemu_guest_agent: 'yes', hw_watchdog_action: 'reset' });
  const instance = await run<Instance>('buildInstance', { name: 'on-scsi', flavor: 'lab.tiny', image: 'scsi' });
  expect(instance.disks.map(({ name, target }) => `${name} ${target}`)).toEqual(['disk sda', 'disk.config sdb']);
  expect(await whenSaid(instance.id, 'GUEST UP')).toContain(`GUEST UP on-scsi ${instance.ports[0]?.ip}`);
  await run('deleteInstance', { instanceId: instance.id });
});

test('what a host does not have fails the build, and what nobody has refuses it', async () => {
  await importAs('future', { hw_machine_type: 'pc-q35-99.0' });
  const build = await start('buildInstance', { name: 'future', flavor: 'lab.tiny', image: 'future' });
  expect(await endOf(build)).toMatchObject({ type: 'ImageUnacceptable', message: expect.stringContaining('hw_machine_type') });
  const flavor = { name: 'pinned', vcpus: 1, memoryMiB: 128, rootGiB: 1, extraSpecs: { 'hw:cpu_policy': 'mixed' } };
  const pinned = await start('buildInstance', { name: 'pinned', flavor, image: 'tiny' });
  expect(await endOf(pinned)).toMatchObject({ type: 'InvalidRequest', message: expect.stringContaining('hw:cpu_policy') });
  const sound = await start('importImage', {
    name: 'loud',
    source: 'file:tiny-root',
    diskFormat: 'raw',
    properties: { hw_sound_model: 'ich6' },
  });
  expect(await endOf(sound)).toMatchObject({ type: 'InvalidRequest', message: expect.stringContaining('properties.hw_sound_model') });
  expect(await findings(own)).toEqual([]);
});

if (isLongRun) {
  test('a guest that starts by UEFI keeps its variables through a stop, and leaves nothing when it is deleted', async () => {
    const host = own.cloud.lab.hosts.find(({ qemuUser }) => qemuUser !== 'root');
    if (host === undefined) throw new Error('no host runs QEMU as another user');
    await importAs('uefi', { hw_firmware_type: 'uefi', os_command_line: 'console=ttyS0' });
    const flavor = { name: 'uefi', vcpus: 1, memoryMiB: 256, rootGiB: 1 };
    for (const { name } of own.cloud.lab.hosts.filter((other) => other !== host))
      await run('disableHost', { host: name, reason: 'not root' });
    const instance = await run<Instance>('buildInstance', { name: 'by-uefi', flavor, image: 'uefi' });
    expect(await whenSaid(instance.id, 'GUEST UP')).toMatch(/EFI stub|efi: EFI v/);
    const variables = join(host.instancesDir, instance.id, 'nvram');
    const before = await stat(variables);
    expect(`${before.uid}`).toBe((await runInHost(host, ['id', '-u', host.qemuUser])).trim());
    expect(await findings(own)).toEqual([]);

    await run('stopInstance', { instanceId: instance.id, mode: 'hard' });
    await run('startInstance', { instanceId: instance.id });
    expect((await stat(variables)).ino).toBe(before.ino);

    await run('deleteInstance', { instanceId: instance.id });
    expect((await readdir(join(host.instancesDir, instance.id))).sort()).toEqual(['generation', 'lock']);
    expect(await findings(own)).toEqual([]);
  }, 240_000);
}

/** The lab's guest under another name, with these properties. */
async function importAs(name: string, properties: Readonly<Record<string, string>>): Promise<Image> {
  const directory = own.cloud.settings['NOVAFLOW_IMPORT_DIRECTORY'] ?? '';
  await copyFile(join(directory, 'tiny-root'), join(directory, name));
  const { kernelId, ramdiskId } = tiny;
  return run<Image>('importImage', { name, source: `file:${name}`, diskFormat: 'raw', kernelId, ramdiskId, properties });
}
