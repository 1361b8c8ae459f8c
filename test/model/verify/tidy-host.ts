import { baseNameOf } from '../../../src/model/base-name.ts';
import type { Host } from '../../../src/model/host.ts';
import type { Image } from '../../../src/model/image.ts';
import type { Instance, Port } from '../../../src/model/instance.ts';
import type { Network } from '../../../src/model/network.ts';
import { tapNameOf } from '../../../src/model/port.ts';
import type { HostListing } from '../../../src/model/verify/listing.ts';
import type { HostScene, SeenInstance } from '../../../src/model/verify/scene.ts';

/** When the listings of these tests began. */
export const since = '2026-11-21T12:00:00.000Z';
export const before = '2026-11-21T11:00:00.000Z';
export const after = '2026-11-21T12:00:00.001Z';

export const webId = '6a1b2c3d-0000-4000-8000-000000000001';
export const otherId = '6a1b2c3d-0000-4000-8000-000000000002';
export const imageId = '6a1b2c3d-0000-4000-8000-0000000000aa';
const kernelId = '6a1b2c3d-0000-4000-8000-0000000000ab';
export const tap = tapNameOf(webId, 0);
export const otherTap = tapNameOf(otherId, 0);
export const base = baseNameOf(imageId);

const size = { vcpus: 1, memoryMiB: 64, diskGiB: 1 };

const port: Port = {
  id: 'port-1',
  network: 'default',
  mac: 'fa:16:3e:00:00:01',
  ip: '10.0.0.5',
  prefix: 24,
  gateway: '10.0.0.1',
  tap,
};

/** An active instance on cn1 that nobody touched for an hour. */
export function instance(changes: Partial<Instance> = {}): Instance {
  return {
    id: webId,
    name: 'web',
    projectId: 'demo',
    userId: 'admin',
    vmState: 'active',
    taskState: null,
    powerState: 'running',
    host: 'cn1',
    availabilityZone: null,
    flavor: { name: 'lab.tiny', vcpus: 1, memoryMiB: 64, rootGiB: 1, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} },
    image: imageId,
    disks: [
      { name: 'disk', target: 'vda', kind: 'qcow2', format: 'qcow2', sizeBytes: 1024 ** 3, backing: { imageId, checksum: 'sha256:00' } },
      { name: 'disk.config', target: 'sda', kind: 'raw', format: 'iso', sizeBytes: 1, backing: null },
    ],
    ports: [port],
    machineType: 'pc-q35-7.2',
    cpuModel: 'qemu64',
    metadata: {},
    fault: null,
    operation: null,
    open: null,
    recent: [],
    locked: null,
    taskHistory: [],
    generation: 1,
    createdAt: before,
    updatedAt: before,
    launchedAt: before,
    launchedOn: 'cn1',
    deletedAt: null,
    ...changes,
  };
}

/** The operation that holds an instance. */
export const operation: NonNullable<Instance['operation']> = {
  workflowId: 'build/web',
  runId: 'run-1',
  type: 'buildInstance',
  step: 'spawning',
  since: before,
};

export function seen(...instances: readonly Instance[]): ReadonlyMap<string, SeenInstance> {
  return new Map(instances.map((one) => [one.id, { instance: one, isHolderOpen: true }]));
}

export function host(changes: Partial<Host> = {}): Host {
  const none = { vcpus: 0, memoryMiB: 0, diskGiB: 0 };
  return {
    name: 'cn1',
    state: 'up',
    stateSince: before,
    downReason: null,
    enabled: true,
    disabledReason: null,
    availabilityZone: null,
    address: 'cn1',
    debts: [],
    inventory: {
      ...size,
      architecture: 'x86_64',
      cpuModel: 'qemu64',
      cpuFeatures: [],
      hypervisor: 'qemu',
      hypervisorVersion: '7.2.0',
      libvirtVersion: '9.0.0',
      numa: [],
      pciDevices: [],
    },
    reserved: none,
    ratios: { vcpus: 1, memory: 1, disk: 1 },
    claims: [{ id: webId, instanceId: webId, ...size }],
    used: size,
    free: none,
    failedBuilds: 0,
    metrics: {},
    reportedAt: before,
    ...changes,
  };
}

export function image(changes: Partial<Image> = {}): Image {
  return {
    id: imageId,
    name: 'tiny',
    status: 'active',
    diskFormat: 'raw',
    sizeBytes: 1024,
    virtualSizeBytes: 1024 ** 3,
    checksum: 'sha256:00',
    minRootGiB: 0,
    minMemoryMiB: 0,
    kernelId,
    ramdiskId: null,
    properties: {},
    createdAt: before,
    ...changes,
  };
}

export function network(changes: Partial<Network> = {}): Network {
  return {
    name: 'default',
    cidr: '10.0.0.0/24',
    gateway: '10.0.0.1',
    pool: { start: '10.0.0.2', end: '10.0.0.254' },
    bridge: 'br-lab',
    mtu: 1500,
    isDefault: true,
    dns: [],
    ports: [{ id: 'port-1', owner: webId, mac: port.mac, ip: port.ip }],
    ...changes,
  };
}

/** A host that has exactly what the records of one running instance account for. */
export function listing(changes: Partial<HostListing> = {}): HostListing {
  return {
    devices: [],
    domains: [{ instanceId: webId, powerState: 'running', blockJobs: [] }],
    instances: {
      directory: '/instances',
      sharers: ['cn1'],
      perInstance: [{ instanceId: webId, files: ['console.log', 'disk', 'disk.config', 'generation', 'kernel', 'lock'] }],
      bases: [base, `${base}.checksum`, `${base}.lock`, 'lock'],
      others: [],
    },
    store: { directory: '/store', files: [imageId, `${imageId}.lock`, kernelId] },
    links: [
      { name: 'br-lab', master: null },
      { name: tap, master: 'br-lab' },
    ],
    filterBindings: [tap],
    loopDevices: [],
    guests: [{ pid: 100, instanceId: webId }],
    tools: [],
    ...changes,
  };
}

/** cn1 with one running instance, where all is as the records say. */
export function tidyHost(changes: Partial<HostScene> = {}): HostScene {
  return {
    host: 'cn1',
    since,
    record: host(),
    listing: listing(),
    instances: seen(instance()),
    imageStatus: new Map([
      [imageId, 'active'],
      [kernelId, 'active'],
    ]),
    images: new Map([[imageId, image()]]),
    caching: new Set(),
    networks: new Map([['default', network()]]),
    ...changes,
  };
}
