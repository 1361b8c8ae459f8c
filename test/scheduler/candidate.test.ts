import { expect, test } from 'vitest';
import { type CandidateSource, candidateOf, completed } from '../../src/scheduler/candidate.ts';
import { core } from '../model/cpus/hosts.ts';
import { inventory } from '../model/hosts.ts';
import { candidateSource } from './candidates.ts';

const source: CandidateSource = {
  ...candidateSource,
  availabilityZone: 'north',
  inventory: {
    ...inventory,
    vcpus: 4,
    memoryMiB: 8192,
    diskGiB: 100,
    cpuFeatures: ['aes'],
    numa: [{ cell: 0, memoryMiB: 8192, cpus: [0, 1, 2, 3] }],
    pciDevices: ['10de:1eb8 0000:3b:00.0'],
  },
  reserved: { vcpus: 0, memoryMiB: 512, diskGiB: 10 },
  ratios: { vcpus: 4, memory: 1, disk: 1.5 },
  claims: [
    { id: 'a', instanceId: 'a', projectId: 'p', vcpus: 1, memoryMiB: 1024, diskGiB: 20, imageProperties: { os_distro: 'debian' } },
    { id: 'b', instanceId: 'b', projectId: 'p', vcpus: 1, memoryMiB: 256, diskGiB: 1, ioTask: 'building' },
    { id: 'resize', instanceId: 'b', vcpus: 1, memoryMiB: 256, diskGiB: 0, imageProperties: { os_distro: 'debian' } },
  ],
  failedBuilds: 2,
  metrics: { 'cpu.percent': 20 },
};

test('a candidate is what the record of a host knows, with capacity and claims counted up', () => {
  expect(candidateOf(source)).toStrictEqual({
    host: 'cn1',
    state: 'up',
    downReason: null,
    enabled: true,
    disabledReason: null,
    availabilityZone: 'north',
    address: '192.0.2.1',
    capacity: { vcpus: 16, memoryMiB: 7680, diskGiB: 135 },
    free: { vcpus: 13, memoryMiB: 6144, diskGiB: 114 },
    dedicatedCpus: 0,
    freeCores: [],
    architecture: 'x86_64',
    hypervisor: 'kvm',
    hypervisorVersion: '7.2.0',
    cpuModel: 'EPYC',
    cpuFeatures: ['aes'],
    numa: [{ memoryMiB: 8192, cpus: 4 }],
    pciDevices: ['10de:1eb8 0000:3b:00.0'],
    instances: ['a', 'b'],
    instancesByProject: { p: 2 },
    numIoOps: 1,
    failedBuilds: 2,
    metrics: { 'cpu.percent': 20 },
    imageProperties: { 'os_distro=debian': 2 },
  });
});

test('CPUs that an instance has for itself are not among those that are shared, and no ratio applies to them', () => {
  const guestCpus = { dedicated: [core(0, 4, 5), core(0, 6, 7)], shared: [0, 1, 2, 3] };
  const claim = { id: 'p', instanceId: 'p', vcpus: 1, memoryMiB: 0, diskGiB: 0, cpus: { pinned: [4], withheld: [5] } };
  const with_ = { ...source, inventory: { ...source.inventory, guestCpus }, claims: [...source.claims, claim] };
  expect(candidateOf(with_)).toMatchObject({ dedicatedCpus: 4, freeCores: [core(0, 6, 7)], free: { vcpus: 13 } });
});

test('a candidate whose ratio was lowered below what is claimed has less than nothing free', () => {
  expect(candidateOf({ ...source, ratios: { vcpus: 0.5, memory: 1, disk: 1 } }).free.vcpus).toBe(-1);
});

test('a candidate as an earlier release listed it is completed with what an empty host has', () => {
  const capacity = { vcpus: 4, memoryMiB: 1024, diskGiB: 10 };
  const listed = completed({ host: 'cn1', state: 'up', capacity, free: capacity });
  expect(listed).toMatchObject({ host: 'cn1', state: 'up', free: capacity, instances: [], numIoOps: 0, failedBuilds: 0, metrics: {} });
  expect(Object.keys(listed).sort()).toStrictEqual(Object.keys(candidateOf(source)).sort());
});
