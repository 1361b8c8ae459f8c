import { z } from 'zod';
import type { Claim, Host, Inventory } from '../model/host.ts';
import { describes } from './describes.ts';
import { count, id, resources, stringMap, time } from './values.ts';

const inventory = describes<Inventory>()(
  resources.extend({
    architecture: z.string(),
    cpuModel: z.string(),
    cpuFeatures: z.array(z.string()),
    hypervisor: z.enum(['qemu', 'kvm']),
    hypervisorVersion: z.string(),
    libvirtVersion: z.string(),
    numa: z.array(z.strictObject({ cell: count, memoryMiB: count, cpus: z.array(count) })),
    pciDevices: z.array(z.string()),
    guestCpus: z
      .exactOptional(
        z.strictObject({
          dedicated: z.array(
            z.strictObject({
              cell: count.describe('The NUMA cell of the core.'),
              cpus: z.array(count).describe('Its threads that guests may have for themselves.'),
              threads: count.describe('How many of its threads any guest may have.'),
            }),
          ),
          shared: z.array(count).describe('The CPUs over which all other guests float.'),
        }),
      )
      .describe('Absent where neither host.cpuDedicatedSet nor host.cpuSharedSet is configured: all guests float over all CPUs.'),
  }),
);

const claim = describes<Claim>()(
  resources.extend({
    id: z.string(),
    instanceId: id,
    projectId: z.exactOptional(z.string()),
    ioTask: z.exactOptional(z.enum(['building'])).describe('What the instance does that keeps the disks busy; absent at rest.'),
    imageProperties: z.exactOptional(stringMap).describe('Those of its image, where the scheduler compares them.'),
    cpus: z
      .exactOptional(
        z.strictObject({
          pinned: z.array(count).describe('Those on which its vCPUs run, in the order of these.'),
          withheld: z.array(count).describe('Threads beside them that nobody gets as long as it has them.'),
        }),
      )
      .describe('The CPUs that the instance has for itself; absent where it shares them.'),
  }),
);

/** The record of a compute host. */
export const host = describes<Host>()(
  z.strictObject({
    name: z.string(),
    state: z.enum(['up', 'down']),
    stateSince: time,
    downReason: z.string().nullable(),
    enabled: z.boolean(),
    disabledReason: z.string().nullable(),
    availabilityZone: z.string().nullable(),
    address: z.string(),
    debts: z.array(z.strictObject({ instanceId: id, what: z.string(), since: time })),
    inventory,
    reserved: resources,
    ratios: z.strictObject({ vcpus: z.number(), memory: z.number(), disk: z.number() }),
    claims: z.array(claim),
    used: resources,
    free: z
      .strictObject({ vcpus: z.int(), memoryMiB: z.int(), diskGiB: z.int() })
      .describe('Negative after an operator lowered a ratio below what is claimed.'),
    failedBuilds: count.describe('Builds that failed here since the last that did not.'),
    metrics: z.record(z.string(), z.number()).describe('What its monitors measured last.'),
    reportedAt: time,
  }),
);
