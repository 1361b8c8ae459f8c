import { z } from 'zod';
import type { Flavor } from '../model/flavor.ts';
import { type Disk, type Fault, type Instance, type Migration, type Port, powerStates, taskStates, vmStates } from '../model/instance.ts';
import { describes } from './describes.ts';
import { checksum, count, id, ipv4, mac, stringMap, time } from './values.ts';

const run = { workflowId: z.string(), runId: z.string(), type: z.string() };

const flavor = describes<Flavor>()(
  z.strictObject({
    name: z.string(),
    vcpus: count,
    memoryMiB: count,
    rootGiB: count.describe("0: the image's own size."),
    ephemeralGiB: count,
    swapMiB: count,
    extraSpecs: stringMap,
  }),
);

const disk = describes<Disk>()(
  z.strictObject({
    name: z.string().describe('File name below the instance directory.'),
    target: z.string().describe("The guest's device, as libvirt names it."),
    kind: z.enum(['qcow2', 'raw', 'lvm', 'isolate', 'volume']),
    format: z.enum(['qcow2', 'raw', 'iso']),
    sizeBytes: count,
    device: z.exactOptional(z.string()).describe('The block device that it is, of kinds isolate and lvm.'),
    backing: z
      .strictObject({
        imageId: id,
        checksum: checksum.describe("Of the base's own bytes, which are not the image's where the image was converted."),
        format: z.exactOptional(z.enum(['raw', 'qcow2'])).describe("Of the base; absent: the image's own."),
      })
      .nullable(),
  }),
);

const port = describes<Port>()(
  z.strictObject({
    id,
    network: z.string(),
    mac,
    ip: ipv4,
    prefix: z.int().min(0).max(32),
    gateway: ipv4.nullable(),
    tap: z.string().max(15),
  }),
);

const fault = describes<Fault>()(
  z.strictObject({
    type: z.string().describe('One of the public failure types, Terminated, GuestCrashed or GuestIoError.'),
    message: z.string(),
    at: time,
    operation: z.strictObject(run).nullable(),
  }),
);

const migration = describes<Migration>()(
  z.strictObject({
    type: z.enum(['resize', 'migration', 'live-migration']),
    id: z.string().describe('Of the operation: what it put aside on its hosts is known by it.'),
    source: z.string(),
    destination: z.string(),
    storage: z.enum(['sameHost', 'shared', 'separate']).describe("How the two hosts' instances directories stand to each other."),
    claimId: z.string().describe('Of the claim that the source keeps until it is decided, or over.'),
    oldFlavor: flavor,
    oldDisks: z.array(disk),
    oldPinnedCpus: z
      .exactOptional(z.array(count.nullable()))
      .describe('Where its vCPUs ran at the source, whose CPUs it keeps with the claim.'),
    oldVmState: z.enum(['active', 'stopped', 'paused']),
  }),
);

const reason = z.exactOptional(z.string()).describe('What who asked for it said: why a resize is reverted.');

/** The operation that holds an instance. */
export const operationInProgress = describes<NonNullable<Instance['operation']>>()(
  z.strictObject({
    ...run,
    userId: z.exactOptional(z.string()).describe('Absent of operations that began before records told it, as is requestId.'),
    requestId: z.exactOptional(z.string().nullable()),
    step: z.string(),
    since: time,
    reason,
  }),
);

const recent = describes<Instance['recent'][number]>()(
  z.strictObject({
    ...run,
    userId: z.string(),
    requestId: z.exactOptional(z.string().nullable()).describe('Absent of operations that ended before records kept it.'),
    reason,
    startedAt: time,
    endedAt: time,
    end: z.enum(['completed', 'failed', 'cancelled', 'terminated']),
    failure: z
      .exactOptional(z.strictObject({ type: z.string(), message: z.string() }).nullable())
      .describe('Why it did not complete. Absent of operations that ended before records kept it.'),
    steps: z.array(
      z.strictObject({
        name: z.string(),
        host: z.string().nullable(),
        durationMs: count,
        note: z.exactOptional(z.string()).describe('What the step decided, and why.'),
      }),
    ),
  }),
);

/** The record of an instance. */
export const instance = describes<Instance>()(
  z.strictObject({
    id,
    name: z.string(),
    projectId: z.string(),
    userId: z.string(),
    vmState: z.enum(vmStates),
    taskState: z.enum(taskStates).nullable(),
    powerState: z.enum(powerStates),
    host: z.string().nullable(),
    availabilityZone: z.string().nullable(),
    flavor,
    image: id.nullable(),
    disks: z.array(disk),
    ports: z.array(port),
    machineType: z.string().nullable(),
    cpuModel: z.string().nullable(),
    pinnedCpus: z
      .exactOptional(z.array(count.nullable()).nullable())
      .describe(
        'Where each of its vCPUs runs: on a CPU that it has for itself, or (null) on those that are shared. Null or absent: all share.',
      ),
    metadata: stringMap,
    fault: fault.nullable(),
    operation: operationInProgress.nullable(),
    open: z
      .strictObject({ ...run, until: time.nullable() })
      .nullable()
      .describe('An operation that let go and waits for a decision.'),
    migration: z
      .exactOptional(migration.nullable())
      .describe('A resize, cold or live migration that is under way or not decided yet. Absent in records of before there was any.'),
    recent: z.array(recent).max(20),
    locked: z.strictObject({ by: z.string(), reason: z.string().nullable() }).nullable(),
    taskHistory: z.array(z.strictObject({ taskState: z.enum(taskStates).nullable(), at: time })).describe('Of the last operation.'),
    generation: count,
    createdAt: time,
    updatedAt: time,
    launchedAt: time.nullable(),
    launchedOn: z.string().nullable(),
    deletedAt: time.nullable(),
  }),
);
