import type { HostReport, Inventory } from '../../src/model/host.ts';

export const inventory: Inventory = {
  vcpus: 8,
  memoryMiB: 16_384,
  diskGiB: 100,
  architecture: 'x86_64',
  cpuModel: 'EPYC',
  cpuFeatures: [],
  hypervisor: 'kvm',
  hypervisorVersion: '7.2.0',
  libvirtVersion: '9.0.0',
  numa: [],
  pciDevices: [],
};

/** A host of 8 vCPUs, 16 GiB and 100 GiB disk, half a GiB reserved, vCPUs four times and memory one and a half times given. */
export const report: HostReport = {
  address: '192.0.2.1',
  availabilityZone: null,
  inventory,
  reserved: { vcpus: 0, memoryMiB: 512, diskGiB: 0 },
  ratios: { vcpus: 4, memory: 1.5, disk: 1 },
  unusable: null,
};
