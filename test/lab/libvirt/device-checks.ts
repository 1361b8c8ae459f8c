import { join } from 'node:path';
import { expect } from 'vitest';
import {
  BlockCopy,
  BlockJobAbort,
  BlockJobInfo,
  BlockJobStatus,
  BlockJobType,
  BlockRebase,
  BlockResize,
  DomainAffect,
  DomainXml,
} from '../../../src/libvirt/index.ts';
import { diskXml, qcow2Image, randomImage } from './guest.ts';
import { type Checks, discard, eventOf, eventually, isAbout, type KnownGuest, type World } from './world.ts';

const mib = 1024n * 1024n;

/** An image for a second disk `sda` that a guest may be given. */
async function spareDisk({ daemon }: World, sizeMiB = 1): Promise<{ path: string; format: 'raw'; target: 'sda' }> {
  return { path: await randomImage(join(daemon.directory, `spare-${crypto.randomUUID()}.raw`), sizeMiB), format: 'raw', target: 'sda' };
}

/** A guest with a second disk that is being copied at 1 MiB/s, and the path of the copy. */
async function guestBeingCopied(world: World): Promise<{ guest: KnownGuest; source: string; copy: string }> {
  const disk = await spareDisk(world, 64);
  const guest = await world.start({ devices: diskXml(disk) });
  const copy = `${disk.path}.copy`;
  await world.libvirt.domainBlockCopy({
    dom: guest.dom,
    path: 'sda',
    destinationXml: `<disk type='file'><source file='${copy}'/><driver type='raw'/></disk>`,
    params: [{ field: 'bandwidth', type: 'ullong', value: mib }],
    flags: BlockCopy.transientJob,
  });
  return { guest, source: disk.path, copy };
}

/** Checks of what changes a domain's devices and the disks under it. */
export const deviceChecks = {
  domainAttachDeviceFlags: async (world) => {
    const { libvirt } = world;
    const guest = await world.start();
    const xml = diskXml(await spareDisk(world));
    await libvirt.domainAttachDeviceFlags({ dom: guest.dom, xml, flags: DomainAffect.live });
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom })).toContain("dev='sda'");
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom, flags: DomainXml.inactive })).not.toContain("dev='sda'");
    await discard(libvirt, guest);
  },
  domainDetachDeviceFlags: async (world) => {
    const { libvirt } = world;
    const xml = diskXml(await spareDisk(world));
    const guest = await world.start({ devices: xml });
    const { alias } = await eventOf(libvirt, 'deviceRemoved', isAbout(guest), () =>
      libvirt.domainDetachDeviceFlags({ dom: guest.dom, xml, flags: DomainAffect.live }),
    );
    expect(alias).toBe('scsi0-0-0-0');
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom })).not.toContain("dev='sda'");
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom, flags: DomainXml.inactive })).toContain("dev='sda'");
    await discard(libvirt, guest);
  },
  domainDetachDeviceAlias: async (world) => {
    const { libvirt } = world;
    const guest = await world.start({ devices: diskXml(await spareDisk(world)) });
    await expect(libvirt.domainDetachDeviceAlias({ dom: guest.dom, alias: 'no-such', flags: DomainAffect.live })).rejects.toThrow(
      /no-such/,
    );
    await eventOf(libvirt, 'deviceRemoved', isAbout(guest), () =>
      libvirt.domainDetachDeviceAlias({ dom: guest.dom, alias: 'scsi0-0-0-0', flags: DomainAffect.live }),
    );
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom })).not.toContain("dev='sda'");
    await discard(libvirt, guest);
  },
  domainUpdateDeviceFlags: async (world) => {
    const { libvirt } = world;
    const { path } = await spareDisk(world);
    const drive = (source: string) =>
      `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>${source}<target dev='sdb' bus='scsi'/><readonly/></disk>`;
    const guest = await world.start({ devices: drive('') });
    await libvirt.domainUpdateDeviceFlags({ dom: guest.dom, xml: drive(`<source file='${path}'/>`), flags: DomainAffect.live });
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom })).toContain(path);
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom, flags: DomainXml.inactive })).not.toContain(path);
    await discard(libvirt, guest);
  },
  domainGetBlockInfo: async (world) => {
    const { libvirt } = world;
    const path = await qcow2Image(join(world.daemon.directory, 'sparse.qcow2'), ['8M']);
    const guest = await world.start({ devices: diskXml({ path, format: 'qcow2', target: 'sda' }) });
    const info = await libvirt.domainGetBlockInfo({ dom: guest.dom, path: 'sda' });
    expect(info.capacity).toBe(8n * mib);
    expect(info.physical).toBeLessThan(mib);
    await expect(libvirt.domainGetBlockInfo({ dom: guest.dom, path: 'sda', flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await discard(libvirt, guest);
  },
  domainBlockResize: async (world) => {
    const { libvirt } = world;
    const guest = await world.start({ devices: diskXml(await spareDisk(world)) });
    await libvirt.domainBlockResize({ dom: guest.dom, disk: 'sda', size: 3n * mib, flags: BlockResize.bytes });
    expect(await libvirt.domainGetBlockInfo({ dom: guest.dom, path: 'sda' })).toMatchObject({ capacity: 3n * mib });
    await libvirt.domainBlockResize({ dom: guest.dom, disk: 'sda', size: 4096n });
    expect(await libvirt.domainGetBlockInfo({ dom: guest.dom, path: 'sda' })).toMatchObject({ capacity: 4n * mib });
    await discard(libvirt, guest);
  },
  domainBlockCopy: async (world) => {
    const { libvirt } = world;
    const { guest, copy } = await guestBeingCopied(world);
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom })).toMatch(new RegExp(`<mirror [^>]*file='${copy}'`));
    expect(await libvirt.domainGetBlockJobInfo({ dom: guest.dom, path: 'sda', flags: BlockJobInfo.bandwidthBytes })).toMatchObject({
      bandwidth: mib,
    });
    await discard(libvirt, guest);
  },
  domainGetBlockJobInfo: async (world) => {
    const { libvirt } = world;
    const { guest } = await guestBeingCopied(world);
    const read = (flags: number) => libvirt.domainGetBlockJobInfo({ dom: guest.dom, path: 'sda', flags });
    await eventually(() => read(0)).toMatchObject({ found: true, type: BlockJobType.copy, bandwidth: 1n, end: 64n * mib });
    expect(await read(BlockJobInfo.bandwidthBytes)).toMatchObject({ bandwidth: mib });
    expect(await libvirt.domainGetBlockJobInfo({ dom: guest.dom, path: 'vda' })).toMatchObject({ found: false });
    await discard(libvirt, guest);
  },
  domainBlockJobSetSpeed: async (world) => {
    const { libvirt } = world;
    const { guest } = await guestBeingCopied(world);
    const setSpeed = (bandwidth: bigint, flags: number) =>
      libvirt.domainBlockJobSetSpeed({ dom: guest.dom, path: 'sda', bandwidth, flags });
    await setSpeed(3n * mib, BlockJobInfo.bandwidthBytes);
    expect(await libvirt.domainGetBlockJobInfo({ dom: guest.dom, path: 'sda' })).toMatchObject({ bandwidth: 3n });
    await setSpeed(5n, 0);
    expect(await libvirt.domainGetBlockJobInfo({ dom: guest.dom, path: 'sda' })).toMatchObject({ bandwidth: 5n });
    await discard(libvirt, guest);
  },
  domainBlockJobAbort: async (world) => {
    const { libvirt } = world;
    const { guest, source, copy } = await guestBeingCopied(world);
    const unlimited = () => libvirt.domainBlockJobSetSpeed({ dom: guest.dom, path: 'sda', bandwidth: 0n });
    await eventOf(libvirt, 'blockJob', (event) => isAbout(guest)(event) && event.status === BlockJobStatus.ready, unlimited);
    await libvirt.domainBlockJobAbort({ dom: guest.dom, path: 'sda', flags: BlockJobAbort.pivot });
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom })).toContain(`<source file='${copy}' index=`);
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom })).not.toContain(`<source file='${source}' index=`);
    await discard(libvirt, guest);
  },
  domainBlockRebase: async (world) => {
    const { libvirt } = world;
    const base = await spareDisk(world, 64);
    const path = await qcow2Image(`${base.path}.overlay`, ['-F', 'raw', '-b', base.path, '64M']);
    const guest = await world.start({ devices: diskXml({ path, format: 'qcow2', target: 'sda' }) });
    const given = { dom: guest.dom, path: 'sda' };
    await expect(libvirt.domainBlockRebase({ ...given, base: '/no/such', bandwidth: 1n })).rejects.toThrow(/\/no\/such/);
    await libvirt.domainBlockRebase({ ...given, bandwidth: 2n * mib, flags: BlockRebase.bandwidthBytes });
    expect(await libvirt.domainGetBlockJobInfo(given)).toMatchObject({ found: true, type: BlockJobType.pull, bandwidth: 2n });
    await libvirt.domainBlockJobSetSpeed({ ...given, bandwidth: 0n });
    await eventually(() => libvirt.domainGetXmlDesc({ dom: guest.dom })).not.toContain(`${base.path}'`);
    await discard(libvirt, guest);
  },
} satisfies Checks;
