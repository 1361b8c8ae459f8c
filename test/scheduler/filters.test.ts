import { describe, expect, test } from 'vitest';
import type { CpuThreadPolicy } from '../../src/model/cpus/policy.ts';
import type { Hints, PlacementRequest } from '../../src/model/placement-request.ts';
import type { Candidate } from '../../src/scheduler/candidate.ts';
import { defaultFilters, type FilterSettings, filtersWith, optionalFilters } from '../../src/scheduler/filters.ts';
import { core } from '../model/cpus/hosts.ts';
import { candidate, settings } from './candidates.ts';

const request: PlacementRequest = { vcpus: 2, memoryMiB: 1024, diskGiB: 20 };

/** The first filter that refuses, and its sentence. */
function refusal(
  changes: Partial<Candidate>,
  wanted: Partial<PlacementRequest> = {},
  configured: Partial<FilterSettings> = {},
): readonly [string, string] | null {
  for (const { name, checkFor } of filtersWith({ ...settings, enabledFilters: optionalFilters, ...configured })) {
    const reason = checkFor({ ...request, ...wanted })?.(candidate('cn1', changes)) ?? null;
    if (reason !== null) return [name, reason];
  }
  return null;
}

type Row = readonly [string, Partial<Candidate>, Partial<PlacementRequest>, readonly [string, string] | null];

function rows(table: readonly Row[], configured: Partial<FilterSettings> = {}): void {
  test.for(table)('%s', ([, changes, wanted, expected]) => {
    expect(refusal(changes, wanted, configured)).toStrictEqual(expected);
  });
}

describe('whatever is configured', () => {
  const dedicated = { dedicatedCpus: { threadPolicy: 'prefer' } } as const;
  const of = (free: Partial<Candidate['free']>) => ({ free: { vcpus: 8, memoryMiB: 4096, diskGiB: 100, ...free } });
  rows([
    [
      'a host that is down is out',
      { state: 'down', downReason: 'not heard since 14:02' },
      {},
      ['up', 'cn1 is down: not heard since 14:02'],
    ],
    ['a host that is down for no known reason is out', { state: 'down' }, {}, ['up', 'cn1 is down']],
    ['a disabled host is out', { enabled: false, disabledReason: 'new fan' }, {}, ['enabled', 'cn1 is disabled: new fan']],
    ['a host that is down and disabled is down', { state: 'down', enabled: false }, {}, ['up', 'cn1 is down']],
    ['a host without the vCPUs is out', of({ vcpus: 1 }), {}, ['vcpus', 'cn1 has 1 of 8 vCPUs free, 2 wanted']],
    ['a host without the memory is out', of({ memoryMiB: 1023 }), {}, ['memory', 'cn1 has 1023 of 4096 MiB of memory free, 1024 wanted']],
    ['a host without the disk is out', of({ diskGiB: -3 }), {}, ['disk', 'cn1 has -3 of 100 GiB of disk free, 20 wanted']],
    [
      'a host without CPUs for guests that have theirs alone is out',
      of({}),
      dedicated,
      ['vcpus', 'cn1 has 0 of 0 dedicated CPUs free, 2 wanted'],
    ],
    [
      'a host with too few of them is out',
      { dedicatedCpus: 2, freeCores: [core(0, 4)] },
      dedicated,
      ['vcpus', 'cn1 has 1 of 2 dedicated CPUs free, 2 wanted'],
    ],
    [
      'a host with too few shared ones is out for a guest that wants both',
      { ...of({ vcpus: 0 }), dedicatedCpus: 2, freeCores: [core(0, 4, 5)] },
      { dedicatedCpus: { threadPolicy: 'prefer', only: [1] } },
      ['vcpus', 'cn1 has 0 of 8 vCPUs free, 1 wanted'],
    ],
    [
      'a host with one of each passes for it',
      { ...of({ vcpus: 1 }), dedicatedCpus: 2, freeCores: [core(0, 4)] },
      { dedicatedCpus: { threadPolicy: 'prefer', only: [1] } },
      null,
    ],
    [
      'a host with enough of them passes whose shared ones are given away',
      { ...of({ vcpus: -1 }), dedicatedCpus: 2, freeCores: [core(0, 4, 5)] },
      dedicated,
      null,
    ],
    ['a host with exactly what is wanted passes', of({ vcpus: 2, memoryMiB: 1024, diskGiB: 20 }), {}, null],
    [
      'a host in another zone is out',
      { availabilityZone: 'south' },
      { availabilityZone: 'north' },
      ['availabilityZone', 'cn1 is in zone south, north is wanted'],
    ],
    [
      'a host in no zone is out',
      {},
      { availabilityZone: 'north' },
      ['availabilityZone', 'cn1 is in no availability zone, north is wanted'],
    ],
    ['a host in the zone passes', { availabilityZone: 'north' }, { availabilityZone: 'north' }, null],
    ['any zone will do when none is wanted', { availabilityZone: 'south' }, { availabilityZone: null }, null],
  ]);
});

describe('computeCapabilities', () => {
  const host: Partial<Candidate> = {
    hypervisor: 'kvm',
    hypervisorVersion: '7.2.0',
    cpuModel: 'EPYC',
    cpuFeatures: ['aes', 'avx2'],
    free: { vcpus: 8, memoryMiB: 2048, diskGiB: 100 },
    metrics: { 'cpu.percent': 30 },
  };
  const specs = (extraSpecs: Record<string, string>) => ({ extraSpecs });
  const out = (reason: string): [string, string] => ['computeCapabilities', reason];
  rows([
    ['what is there passes', host, specs({ 'capabilities:hypervisor_type': 's== kvm', 'capabilities:free_ram_mb': '>= 2048' }), null],
    [
      'another hypervisor is out',
      host,
      specs({ 'capabilities:hypervisor_type': 'xen' }),
      out('cn1 has hypervisor_type kvm, xen is wanted'),
    ],
    [
      'an older hypervisor is out',
      host,
      specs({ 'capabilities:hypervisor_version': '>= 8000000' }),
      out('cn1 has hypervisor_version 7002000, >= 8000000 is wanted'),
    ],
    ['a processor’s feature passes', host, specs({ 'capabilities:cpu_info:features': '<in> avx2' }), null],
    [
      'a missing feature is out',
      host,
      specs({ 'capabilities:cpu_info:features': '<in> avx512f' }),
      out('cn1 has cpu_info:features aes avx2, <in> avx512f is wanted'),
    ],
    ['one of several models passes', host, specs({ 'capabilities:cpu_info:model': '<or> EPYC <or> EPYC-Rome' }), null],
    ['a metric passes', host, specs({ 'capabilities:metrics:cpu.percent': '<= 50' }), null],
    ['a capability that no host has is out', host, specs({ 'capabilities:colour': 'red' }), out('cn1 has no capability colour')],
    [
      'a metric that is not measured is out',
      {},
      specs({ 'capabilities:metrics:cpu.percent': '<= 50' }),
      out('cn1 has no capability metrics:cpu.percent'),
    ],
    [
      'a name without a scope counts when hosts have it',
      host,
      specs({ num_instances: '<= 0', hypervisor_type: 'qemu' }),
      out('cn1 has hypervisor_type kvm, qemu is wanted'),
    ],
    ['a name without a scope that hosts do not have is not for this filter', host, specs({ colour: 'red' }), null],
    ['another scope is not for this filter', host, specs({ 'quota:cpu_shares': '10', 'trait:X': 'required' }), null],
  ]);
});

describe('imageProperties', () => {
  const of = (properties: Record<string, string>) => ({ image: { id: 'debian', properties } });
  const out = (reason: string): [string, string] => ['imageProperties', reason];
  const host: Partial<Candidate> = { architecture: 'x86_64', hypervisor: 'kvm', hypervisorVersion: '7.2.0' };
  rows([
    ['an image that wants nothing passes', host, of({ os_distro: 'debian' }), null],
    ['the architecture passes', host, of({ hw_architecture: 'x86_64' }), null],
    ['the architecture passes under another name', host, of({ hw_architecture: 'AMD64' }), null],
    ['another architecture is out', host, of({ hw_architecture: 'aarch64' }), out('cn1 is x86_64, the image is for aarch64')],
    ['KVM runs what wants QEMU', host, of({ img_hv_type: 'qemu' }), null],
    [
      'QEMU alone does not run what wants KVM',
      { ...host, hypervisor: 'qemu' },
      of({ img_hv_type: 'kvm' }),
      out('cn1 has qemu, the image wants kvm'),
    ],
    ['a guest mode of other hypervisors is out', host, of({ hw_vm_mode: 'xen' }), out('cn1 runs guests in mode hvm, the image wants xen')],
    ['the usual guest mode passes', host, of({ hw_vm_mode: 'hvm' }), null],
    ['a version that is new enough passes', host, of({ img_hv_requested_version: '>=6.0,<8' }), null],
    ['a version that is not is out', host, of({ img_hv_requested_version: '>=8.0' }), out('cn1 has kvm 7.2.0, the image wants >=8.0')],
  ]);
});

describe('hints', () => {
  const by = (hints: Hints) => ({ hints });
  const host: Partial<Candidate> = { instances: ['a', 'b'], address: '10.0.0.7' };
  rows([
    ['sameHost lets a host of one of them pass', host, by({ same_host: ['x', 'b'] }), null],
    ['sameHost takes a single id', host, by({ same_host: 'a' }), null],
    ['sameHost removes all others', host, by({ same_host: ['x', 'y'] }), ['sameHost', 'cn1 has no instance of x, y']],
    ['differentHost removes a host of one of them', host, by({ different_host: ['x', 'b'] }), ['differentHost', 'cn1 has instance b']],
    ['differentHost lets all others pass', host, by({ different_host: 'x' }), null],
    ['simpleCidrAffinity lets a host near pass', host, by({ build_near_host_ip: '10.0.0.200' }), null],
    [
      'simpleCidrAffinity removes hosts farther away',
      host,
      by({ build_near_host_ip: '10.0.1.7' }),
      ['simpleCidrAffinity', 'cn1 is at 10.0.0.7, outside of 10.0.1.7/24'],
    ],
    ['simpleCidrAffinity takes another length', host, by({ build_near_host_ip: '10.0.1.7', cidr: '/16' }), null],
    [
      'simpleCidrAffinity removes a host that is known by its name only',
      { address: 'cn1' },
      by({ build_near_host_ip: '10.0.1.7' }),
      ['simpleCidrAffinity', 'cn1 is at cn1, outside of 10.0.1.7/24'],
    ],
  ]);
});

describe('isolatedHosts', () => {
  const isolated = { isolatedHosts: ['cn1'], isolatedImages: ['secret'] };
  const image = (id: string) => ({ image: { id, properties: {} } });
  const out = (reason: string): [string, string] => ['isolatedHosts', reason];
  rows(
    [
      ['takes isolated images', {}, image('secret'), null],
      ['takes no others', {}, image('debian'), out('cn1 is isolated, and the image is not')],
    ],
    isolated,
  );
  rows([['takes others where that is allowed', {}, image('debian'), null]], { ...isolated, restrictIsolatedHostsToIsolatedImages: false });
  rows([['keeps isolated images from other hosts', {}, image('secret'), out('cn1 is no isolated host, and the image is isolated')]], {
    isolatedHosts: ['cn9'],
    isolatedImages: ['secret'],
  });
  rows([['says nothing where nothing is isolated', {}, image('debian'), null]]);
});

describe('numaTopology', () => {
  const nodes = (count: string) => ({ vcpus: 4, memoryMiB: 2048, extraSpecs: { 'hw:numa_nodes': count } });
  const cell = (memoryMiB: number, cpus: number) => ({ memoryMiB, cpus });
  const out = (reason: string): [string, string] => ['numaTopology', reason];
  const cores = { dedicatedCpus: 4, freeCores: [core(0, 0, 4), core(0, 1, 5)] };
  const threads = (threadPolicy: CpuThreadPolicy, vcpus: number) => ({ vcpus, dedicatedCpus: { threadPolicy } });
  const noCores = 'cn1 has 4 of 4 dedicated CPUs free, but not 3 on cores that nobody uses (cpu_thread_policy isolate)';
  rows([
    ['cells with room pass', { numa: [cell(1024, 2), cell(4096, 8)] }, nodes('2'), null],
    [
      'cells that are too small are out',
      { numa: [cell(1023, 2), cell(4096, 8)] },
      nodes('2'),
      out('cn1 has 1 NUMA cells of 2 CPUs and 1024 MiB, 2 wanted'),
    ],
    ['too few cells are out', { numa: [cell(4096, 8)] }, nodes('2'), out('cn1 has 1 NUMA cells of 2 CPUs and 1024 MiB, 2 wanted')],
    ['cores with room pass', cores, threads('require', 4), null],
    ['cores without pass nobody', cores, threads('isolate', 3), out(noCores)],
    ['nonsense is out', { numa: [cell(4096, 8)] }, nodes('many'), out('cn1 cannot have many NUMA nodes')],
  ]);
});

describe('pciPassthrough', () => {
  const wanted = (alias: string) => ({ extraSpecs: { 'pci_passthrough:alias': alias } });
  const host = { pciDevices: ['10de:1eb8 0000:3b:00.0', '8086:10fb 0000:3c:00.0', '8086:10fb 0000:3c:00.1'] };
  const out = (reason: string): [string, string] => ['pciPassthrough', reason];
  rows(
    [
      ['devices that are there pass', host, wanted('gpu:1, nic:2'), null],
      ['too few devices are out', host, wanted('gpu:2'), out('cn1 has 1 PCI devices 10de:1eb8 free, gpu:2 wanted')],
      ['a name that nobody configured is out', host, wanted('fpga:1'), out('cn1 knows no PCI device named fpga')],
      ['a number that is none is out', host, wanted('gpu:all'), out('cn1 has 1 PCI devices 10de:1eb8 free, gpu:all wanted')],
    ],
    { pciAliases: { gpu: '10de:1eb8', nic: '8086:10fb' } },
  );
});

describe('limits', () => {
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `i${index}`);
  rows([
    ['ioOps lets 7 pass', { numIoOps: 7 }, {}, null],
    ['ioOps removes a host with 8', { numIoOps: 8 }, {}, ['ioOps', 'cn1 has 8 instances that are built or copied, 8 at most']],
    ['numInstances lets 49 pass', { instances: ids(49) }, {}, null],
    ['numInstances removes a host with 50', { instances: ids(50) }, {}, ['numInstances', 'cn1 has 50 instances, 50 at most']],
  ]);
  test('are not set unless they are configured', () => {
    expect(refusal({ numIoOps: 99, instances: ids(99) }, {}, { enabledFilters: defaultFilters })).toBeNull();
  });
});

describe('metrics', () => {
  const metrics = { weights: { 'cpu.percent': -1 }, required: true, weightOfUnavailable: -10_000 };
  rows([['removes a host that does not report what counts', {}, {}, ['metrics', 'cn1 reports no metric cpu.percent']]], { metrics });
  rows([['lets one pass that does', { metrics: { 'cpu.percent': 3 } }, {}, null]], { metrics });
  rows([['lets all pass where metrics are not required', {}, {}, null]], { metrics: { ...metrics, required: false } });
});
