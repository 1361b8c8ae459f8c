import { expect, test } from 'vitest';
import { type CandidateSource, candidateOf } from '../../src/scheduler/candidate.ts';

const source: CandidateSource = {
  name: 'cn1',
  state: 'up',
  downReason: null,
  enabled: true,
  disabledReason: null,
  availabilityZone: 'north',
  inventory: {
    vcpus: 4,
    memoryMiB: 8192,
    diskGiB: 100,
    architecture: 'x86_64',
    cpuModel: 'qemu64',
    cpuFeatures: [],
    hypervisor: 'qemu',
    hypervisorVersion: '7.2.22',
    libvirtVersion: '9.0.0',
    numa: [],
    pciDevices: [],
  },
  reserved: { vcpus: 0, memoryMiB: 512, diskGiB: 10 },
  ratios: { vcpus: 4, memory: 1, disk: 1.5 },
  claims: [
    { id: 'a', instanceId: 'a', vcpus: 1, memoryMiB: 1024, diskGiB: 20 },
    { id: 'b', instanceId: 'b', vcpus: 2, memoryMiB: 512, diskGiB: 1 },
  ],
};

test('a candidate offers what the inventory holds less the reserved, times the ratios, less the claims', () => {
  expect(candidateOf(source)).toStrictEqual({
    host: 'cn1',
    state: 'up',
    downReason: null,
    enabled: true,
    disabledReason: null,
    availabilityZone: 'north',
    capacity: { vcpus: 16, memoryMiB: 7680, diskGiB: 135 },
    free: { vcpus: 13, memoryMiB: 6144, diskGiB: 114 },
  });
});

test('a candidate whose ratio was lowered below what is claimed has less than nothing free', () => {
  expect(candidateOf({ ...source, ratios: { vcpus: 0.5, memory: 1, disk: 1 } }).free.vcpus).toBe(-1);
});
