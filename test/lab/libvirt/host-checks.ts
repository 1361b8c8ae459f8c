import { cpus, totalmem } from 'node:os';
import { expect } from 'vitest';
import { CompareCpu, CpuComparison, ErrorCode, type LibvirtError } from '../../../src/libvirt/index.ts';
import type { Checks } from './world.ts';

const anyCpu = -1;
const anyCell = -1;

/** libvirt's way to write 9.1.2: 9001002. */
function versionNumber(text: string): bigint {
  const [major = 0, minor = 0, micro = 0] = (/\d+\.\d+\.\d+/.exec(text)?.[0] ?? '').split('.').map(Number);
  return BigInt(major * 1_000_000 + minor * 1_000 + micro);
}

/** Checks of what a daemon says of itself and its machine. */
export const hostChecks = {
  connectCompareHypervisorCpu: async ({ libvirt }) => {
    const cpu = (model: string) => `<cpu mode='custom' match='exact'><model fallback='forbid'>${model}</model></cpu>`;
    const given = { emulator: '/usr/bin/qemu-system-x86_64', arch: 'x86_64', machine: 'q35', virtType: 'qemu', cpuXml: cpu('qemu64') };
    expect(await libvirt.connectCompareHypervisorCpu(given)).toBe(CpuComparison.superset);
    const refused = { ...given, cpuXml: cpu('Icelake-Server'), flags: CompareCpu.failIncompatible };
    await expect(libvirt.connectCompareHypervisorCpu(refused)).rejects.toMatchObject({ code: ErrorCode.cpuIncompatible });
    await expect(libvirt.connectCompareHypervisorCpu({ ...given, arch: 'sparc', emulator: null })).rejects.toThrow(/sparc/);
    await expect(libvirt.connectCompareHypervisorCpu({ ...given, emulator: '/none-such' })).rejects.toThrow(/\/none-such/);
    await expect(libvirt.connectCompareHypervisorCpu({ ...given, machine: 'none-such' })).rejects.toThrow(/none-such/);
    // Any type that libvirt knows is taken here, such as xen (libvirt 9).
    await expect(libvirt.connectCompareHypervisorCpu({ ...given, virtType: 'none-such' })).rejects.toThrow(/virttype.*none-such/);
    await expect(libvirt.connectCompareHypervisorCpu({ ...given, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
  },
  connectGetCapabilities: async ({ libvirt }) => {
    expect(await libvirt.connectGetCapabilities()).toMatch(/<capabilities>[\s\S]*<arch name='x86_64'>/);
  },
  connectGetDomainCapabilities: async ({ libvirt }) => {
    const given = { emulator: '/usr/bin/qemu-system-x86_64', arch: 'x86_64', machine: 'pc', virtType: 'qemu' };
    const xml = await libvirt.connectGetDomainCapabilities(given);
    expect(xml).toContain('<path>/usr/bin/qemu-system-x86_64</path>');
    expect(xml).toContain('<domain>qemu</domain>');
    expect(xml).toMatch(/<machine>pc-i440fx/);
    expect(await libvirt.connectGetDomainCapabilities({ ...given, machine: 'q35' })).toMatch(/<machine>pc-q35/);
    await expect(libvirt.connectGetDomainCapabilities({ ...given, arch: 'sparc', emulator: null })).rejects.toThrow(/sparc/);
    await expect(libvirt.connectGetDomainCapabilities({ ...given, virtType: 'xen' })).rejects.toThrow(/xen/);
    await expect(libvirt.connectGetDomainCapabilities({ ...given, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
  },
  connectGetHostname: async ({ libvirt, daemon }) => {
    expect(await libvirt.connectGetHostname()).toBe((await daemon.inside('hostname', [])).trim());
  },
  connectGetLibVersion: async ({ libvirt, daemon }) => {
    expect(await libvirt.connectGetLibVersion()).toBe(versionNumber(await daemon.inside('libvirtd', ['--version'])));
  },
  connectGetUri: async ({ libvirt }) => {
    expect(await libvirt.connectGetUri()).toBe('qemu:///system');
  },
  connectGetVersion: async ({ libvirt, daemon }) => {
    expect(await libvirt.connectGetVersion()).toBe(versionNumber(await daemon.inside('qemu-system-x86_64', ['--version'])));
  },
  nodeGetCpuStats: async ({ libvirt }) => {
    const { count } = await libvirt.nodeGetCpuStats({ cpu: anyCpu, maxParams: 0 });
    const { params } = await libvirt.nodeGetCpuStats({ cpu: anyCpu, maxParams: count });
    expect(params.map(({ field }) => field)).toEqual(expect.arrayContaining(['kernel', 'user', 'idle']));
    await expect(libvirt.nodeGetCpuStats({ cpu: 10_000, maxParams: count })).rejects.toThrow(/Invalid cpuNum/);
  },
  nodeGetFreeMemory: async ({ libvirt }) => {
    const bytes = Number(await libvirt.nodeGetFreeMemory());
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(totalmem());
  },
  nodeGetInfo: async ({ libvirt }) => {
    const info = await libvirt.nodeGetInfo();
    expect(info).toMatchObject({ model: 'x86_64', cpus: cpus().length });
    expect(info.memoryKiB).toBeGreaterThan(64n * 1024n);
    expect(info.memoryKiB).toBeLessThanOrEqual(BigInt(totalmem() / 1024)); // Less where memory was added while the machine ran.
    expect(info.nodes * info.sockets * info.cores * info.threads).toBeGreaterThanOrEqual(info.cpus);
  },
  nodeGetMemoryStats: async ({ libvirt }) => {
    const { count } = await libvirt.nodeGetMemoryStats({ maxParams: 0, cell: anyCell });
    const { params } = await libvirt.nodeGetMemoryStats({ maxParams: count, cell: anyCell });
    expect(params).toContainEqual({ field: 'total', value: BigInt(totalmem() / 1024) });
    await expect(libvirt.nodeGetMemoryStats({ maxParams: count, cell: 999 })).rejects.toSatisfy(
      (error: LibvirtError) => error.code === ErrorCode.invalidArg,
    );
  },
} satisfies Checks;
