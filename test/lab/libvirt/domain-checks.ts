import { expect } from 'vitest';
import {
  AllDomainStats,
  ControlState,
  DomainState,
  DomainStats,
  DomainXml,
  ErrorCode,
  ListDomains,
  RunningReason,
  valuesOf,
} from '../../../src/libvirt/index.ts';
import { failingDiskXml } from './guest.ts';
import { type Checks, discard, eventually } from './world.ts';

const nowhere = '00000000-1111-2222-3333-444444444444';

/** `virDomainMemoryStatTags`: the balloon's size in KiB. */
const actualBalloon = 6;

/** `virDomainMessageType`. */
const taintMessages = 2;

/** Checks of what is read about domains; they leave the world's guest as it is. */
export const domainChecks = {
  connectGetAllDomainStats: async ({ libvirt, guest, define }) => {
    const off = await define();
    const [running, ...others] = await libvirt.connectGetAllDomainStats({
      doms: [guest.dom],
      stats: DomainStats.state | DomainStats.balloon,
      flags: AllDomainStats.nowait | AllDomainStats.enforce,
    });
    expect(others).toEqual([]);
    expect(running?.dom).toEqual(guest.dom);
    const values = valuesOf(running?.params ?? []);
    expect(values.get('state.state')).toBe(DomainState.running);
    expect(values.get('balloon.maximum')).toBe(65536n);
    expect(values.has('cpu.time')).toBe(false);
    const all = await libvirt.connectGetAllDomainStats({ doms: [], stats: DomainStats.state, flags: ListDomains.inactive });
    expect(all.map(({ dom }) => dom.uuid)).toContain(off.uuid);
    expect(all.map(({ dom }) => dom.uuid)).not.toContain(guest.uuid);
    await libvirt.domainUndefineFlags({ dom: off.dom });
  },
  connectListAllDomains: async ({ libvirt, guest }) => {
    expect(await libvirt.connectListAllDomains({ needResults: 1, flags: ListDomains.active })).toContainEqual(guest.dom);
    expect(await libvirt.connectListAllDomains({ needResults: 1, flags: ListDomains.inactive })).not.toContainEqual(guest.dom);
    expect(await libvirt.connectListAllDomains({ needResults: 0 })).toEqual([]);
  },
  domainLookupByName: async ({ libvirt, guest }) => {
    expect(await libvirt.domainLookupByName({ name: guest.name })).toEqual(guest.dom);
  },
  domainLookupByUuid: async ({ libvirt, guest }) => {
    expect(await libvirt.domainLookupByUuid({ uuid: guest.uuid.toUpperCase() })).toEqual(guest.dom);
    await expect(libvirt.domainLookupByUuid({ uuid: nowhere })).rejects.toMatchObject({ code: ErrorCode.noDomain });
  },
  domainGetControlInfo: async ({ libvirt, guest }) => {
    expect(await libvirt.domainGetControlInfo({ dom: guest.dom })).toEqual({ state: ControlState.ok, details: 0, stateTimeMs: 0n });
    await expect(libvirt.domainGetControlInfo({ dom: guest.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
  },
  domainGetInfo: async ({ libvirt, guest }) => {
    const info = await libvirt.domainGetInfo({ dom: guest.dom });
    expect(info).toMatchObject({ state: DomainState.running, maxMemoryKiB: 65536n, memoryKiB: 65536n, vcpus: 1 });
    expect(info.cpuTimeNs).toBeGreaterThan(0n);
  },
  domainGetMessages: async ({ libvirt, start }) => {
    const odd = await start({ qemuArgs: ['-name', 'odd'] });
    expect(await libvirt.domainGetMessages({ dom: odd.dom, flags: taintMessages })).toContain(
      'tainted: custom configuration parameters specified',
    );
    await expect(libvirt.domainGetMessages({ dom: odd.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await discard(libvirt, odd);
  },
  domainGetState: async ({ libvirt, guest, define }) => {
    const off = await define();
    expect(await libvirt.domainGetState({ dom: guest.dom })).toEqual({ state: DomainState.running, reason: RunningReason.booted });
    expect(await libvirt.domainGetState({ dom: { uuid: off.uuid } })).toMatchObject({ state: DomainState.shutoff });
    await expect(libvirt.domainGetState({ dom: off.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await libvirt.domainUndefineFlags({ dom: off.dom });
  },
  domainGetXmlDesc: async ({ libvirt, guest }) => {
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom })).toContain(`<domain type='qemu' id='${guest.dom.id}'>`);
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom, flags: DomainXml.inactive })).toMatch(/^<domain type='qemu'>/);
  },
  domainIsActive: async ({ libvirt, guest, define }) => {
    const off = await define();
    expect(await libvirt.domainIsActive({ dom: guest.dom })).toBe(true);
    expect(await libvirt.domainIsActive({ dom: off.dom })).toBe(false);
    await libvirt.domainUndefineFlags({ dom: off.dom });
  },
  domainIsPersistent: async ({ libvirt, start }) => {
    const fleeting = await start();
    expect(await libvirt.domainIsPersistent({ dom: fleeting.dom })).toBe(true);
    await libvirt.domainUndefineFlags({ dom: fleeting.dom });
    expect(await libvirt.domainIsPersistent({ dom: fleeting.dom })).toBe(false);
    await libvirt.domainDestroyFlags({ dom: fleeting.dom });
  },
  domainBlockStatsFlags: async ({ libvirt, guest }) => {
    const given = { dom: guest.dom, path: 'vda' };
    const { count } = await libvirt.domainBlockStatsFlags({ ...given, maxParams: 0 });
    const { params } = await libvirt.domainBlockStatsFlags({ ...given, maxParams: count });
    expect(params).toHaveLength(count);
    await eventually(async () =>
      valuesOf((await libvirt.domainBlockStatsFlags({ ...given, maxParams: count })).params).get('rd_bytes'),
    ).toSatisfy((bytes) => typeof bytes === 'bigint' && bytes >= 512n);
    await expect(libvirt.domainBlockStatsFlags({ ...given, path: 'vdz', maxParams: count })).rejects.toThrow(/vdz/);
    await expect(libvirt.domainBlockStatsFlags({ ...given, maxParams: count, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
  },
  domainGetDiskErrors: async ({ libvirt, daemon, start }) => {
    const failing = await start({ devices: await failingDiskXml(daemon.directory) });
    const read = () => libvirt.domainGetDiskErrors({ dom: failing.dom, maxErrors: 8 });
    await eventually(read).toEqual({ errors: [{ disk: 'vdb', error: 1 }], count: 1 });
    await expect(libvirt.domainGetDiskErrors({ dom: failing.dom, maxErrors: 0 })).resolves.toMatchObject({ errors: [] });
    await expect(libvirt.domainGetDiskErrors({ dom: failing.dom, maxErrors: 8, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await discard(libvirt, failing);
  },
  domainInterfaceStats: async ({ libvirt, daemon, start }) => {
    const wired = await start({ devices: "<interface type='ethernet'><target dev='wire0'/><model type='virtio'/></interface>" });
    const hostSide = async () => JSON.parse(await daemon.inside('ip', ['-s', '-j', 'link', 'show', 'wire0']))[0].stats64;
    await daemon.inside('ip', ['link', 'set', 'wire0', 'up']);
    await eventually(async () => (await hostSide()).tx.packets).toBeGreaterThan(0);
    await daemon.inside('ip', ['link', 'set', 'wire0', 'down']);
    const { rx, tx } = await hostSide();
    const stats = await libvirt.domainInterfaceStats({ dom: wired.dom, device: 'wire0' });
    expect(stats).toMatchObject({
      rxBytes: BigInt(tx.bytes),
      rxPackets: BigInt(tx.packets),
      txBytes: BigInt(rx.bytes),
      txPackets: BigInt(rx.packets),
    });
    await discard(libvirt, wired);
  },
  domainMemoryStats: async ({ libvirt, guest }) => {
    expect(await libvirt.domainMemoryStats({ dom: guest.dom, maxStats: 16 })).toContainEqual({ tag: actualBalloon, value: 65536n });
    expect(await libvirt.domainMemoryStats({ dom: guest.dom, maxStats: 1 })).toHaveLength(1);
    await expect(libvirt.domainMemoryStats({ dom: guest.dom, maxStats: 16, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
  },
} satisfies Checks;
