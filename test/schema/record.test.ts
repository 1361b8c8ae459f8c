import { expect, test } from 'vitest';
import { z } from 'zod';
import { builtInFlavors } from '../../src/model/flavor.ts';
import type { Host } from '../../src/model/host.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { Network } from '../../src/model/network.ts';
import type { OperationView } from '../../src/model/operation.ts';
import { describes } from '../../src/schema/describes.ts';
import { records } from '../../src/schema/record.ts';

const id = '0f8fad5b-d9cb-469f-a165-70867728950e';
const at = '2026-11-21T01:02:03.004Z';
const run = { workflowId: 'build/web1/1', runId: '0199a1b2', type: 'buildInstance' };
const checksum = `sha256:${'0a'.repeat(32)}`;
const flavor = builtInFlavors.find(({ name }) => name === 'lab.tiny');
if (flavor === undefined) throw new Error('there is no flavor lab.tiny');

const instance: Instance = {
  id,
  name: 'web1',
  projectId: 'p1',
  userId: 'u1',
  vmState: 'active',
  taskState: null,
  powerState: 'running',
  host: 'cn1',
  availabilityZone: null,
  flavor,
  image: id,
  disks: [
    { name: 'disk', target: 'vda', kind: 'qcow2', format: 'qcow2', sizeBytes: 1024 ** 3, backing: { imageId: id, checksum } },
    { name: 'disk.config', target: 'sda', kind: 'raw', format: 'iso', sizeBytes: 374_784, backing: null },
  ],
  ports: [{ id, network: 'default', mac: 'fa:16:3e:0a:0b:0c', ip: '10.0.0.10', prefix: 24, gateway: '10.0.0.1', tap: 'tap0123456789a' }],
  machineType: 'pc-q35-7.2',
  cpuModel: 'qemu64',
  metadata: { role: 'web' },
  fault: { type: 'Terminated', message: 'was terminated at networking', at, operation: run },
  operation: { ...run, step: 'networking', since: at },
  open: { ...run, until: at },
  recent: [
    { ...run, userId: 'u1', startedAt: at, endedAt: at, end: 'completed', steps: [{ name: 'startDomain', host: 'cn1', durationMs: 12 }] },
  ],
  locked: { by: 'u1', reason: null },
  taskHistory: [
    { taskState: 'scheduling', at },
    { taskState: null, at },
  ],
  generation: 3,
  createdAt: at,
  updatedAt: at,
  launchedAt: at,
  launchedOn: 'cn1',
  deletedAt: null,
};

const resources = { vcpus: 2, memoryMiB: 2048, diskGiB: 40 };
const host: Host = {
  name: 'cn1',
  state: 'up',
  stateSince: at,
  downReason: null,
  enabled: true,
  disabledReason: null,
  availabilityZone: 'nova',
  address: '10.1.0.1',
  debts: [{ instanceId: id, what: 'remove the copy', since: at }],
  inventory: {
    ...resources,
    architecture: 'x86_64',
    cpuModel: 'qemu64',
    cpuFeatures: ['sse2'],
    hypervisor: 'qemu',
    hypervisorVersion: '7.2.0',
    libvirtVersion: '9.0.0',
    numa: [{ cell: 0, memoryMiB: 2048, cpus: [0, 1] }],
    pciDevices: [],
  },
  reserved: { vcpus: 0, memoryMiB: 512, diskGiB: 0 },
  ratios: { vcpus: 4, memory: 1, disk: 1.5 },
  claims: [{ id: 'c1', instanceId: id, vcpus: 1, memoryMiB: 64, diskGiB: 1 }],
  used: { vcpus: 1, memoryMiB: 64, diskGiB: 1 },
  free: { vcpus: -1, memoryMiB: 1472, diskGiB: 59 },
  failedBuilds: 0,
  metrics: {},
  reportedAt: at,
};

const image: Image = {
  id,
  name: 'debian',
  status: 'active',
  diskFormat: 'qcow2',
  sizeBytes: 1024,
  virtualSizeBytes: 1024 ** 3,
  checksum,
  minRootGiB: 1,
  minMemoryMiB: 0,
  kernelId: id,
  ramdiskId: null,
  properties: {},
  createdAt: at,
};

const network: Network = {
  name: 'default',
  cidr: '10.0.0.0/24',
  gateway: '10.0.0.1',
  pool: { start: '10.0.0.10', end: '10.0.0.99' },
  bridge: 'br0',
  mtu: 1500,
  isDefault: true,
  dns: ['9.9.9.9'],
  ports: [{ id, owner: id, mac: 'fa:16:3e:0a:0b:0c', ip: '10.0.0.10' }],
};

const operation: OperationView = {
  type: 'buildInstance',
  instanceId: id,
  step: 'startDomain',
  steps: [{ name: 'startDomain', host: 'cn1', state: 'waiting', startedAt: at, endedAt: null }],
  parked: {
    number: 1,
    step: 'startDomain',
    host: 'cn1',
    attention: 'StepFailed',
    failure: { type: 'OperationFailed', message: 'qemu did not start' },
    since: at,
    mayChange: ['host'],
  },
};

const examples = {
  instance,
  host,
  image,
  network,
  operation,
  cachedImage: { imageId: id, hosts: [{ host: 'cn1', state: 'failed', reason: 'host cn1 is down: its compute worker was stopped' }] },
  hostAudit: {
    host: 'cn1',
    disk: { freeBytes: 10, overCommittedBytes: 20, availableLeastBytes: -10 },
    differences: [{ kind: 'UnknownDomain', what: 'domain of instance web1, running', likelyCause: 'it was made by hand' }],
    healed: [],
  },
  consoleOutput: { output: 'GUEST UP\n', truncated: false },
  screenshot: { pngBase64: 'iVBORw0KGgo=' },
  remoteConsole: {
    kind: 'serial',
    address: '10.0.0.1',
    port: 10_000,
    cipher: 'ECDHE-PSK-CHACHA20-POLY1305',
    identity: 'web1',
    presharedKey: '00',
    expiresAt: '2026-11-27T04:00:00.000Z',
  },
  findings: {
    findings: [{ kind: 'tap', host: 'cn1', what: 'tap0123 belongs to no instance', likelyCause: 'a delete that was ended by hand' }],
  },
} as const satisfies Record<keyof typeof records, object>;

const names = Object.keys(examples) as (keyof typeof records)[];

test.for(names)('the schema of %s takes a whole one', (name) => {
  expect(records[name].parse(examples[name])).toEqual(examples[name]);
});

test.for(names)('the schema of %s refuses one that lacks a field, and one with a field more', (name) => {
  for (const field of Object.keys(examples[name])) {
    const rest = Object.fromEntries(Object.entries(examples[name]).filter(([key]) => key !== field));
    expect(records[name].safeParse(rest).success, `without ${field}`).toBe(false);
  }
  expect(records[name].safeParse({ ...examples[name], more: 1 }).success).toBe(false);
});

test.for([
  [{ createdAt: '2026-11-21T01:02:03Z' }],
  [{ createdAt: '2026-11-21T01:02:03.004+01:00' }],
  [{ id: id.toUpperCase() }],
  [{ taskState: '' }],
  [{ vmState: 'running' }],
  [{ generation: -1 }],
])('an instance with %j is none of the contract', ([change]) => {
  expect(records.instance.safeParse({ ...instance, ...change }).success).toBe(false);
});

test('a schema that differs from its model does not compile', () => {
  const describesNames = describes<{ readonly names: readonly string[]; readonly kind: 'a' | 'b' }>();
  describesNames(z.strictObject({ names: z.array(z.string()), kind: z.enum(['a', 'b']) }));
  // @ts-expect-error a field is missing
  describesNames(z.strictObject({ names: z.array(z.string()) }));
  // @ts-expect-error a value is missing
  describesNames(z.strictObject({ names: z.array(z.string()), kind: z.enum(['a']) }));
  // @ts-expect-error a field is there in excess
  describesNames(z.strictObject({ names: z.array(z.string()), kind: z.enum(['a', 'b']), more: z.string() }));
});
