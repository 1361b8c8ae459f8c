import type { PinnedCpus } from './cpus/placement.ts';
import type { Flavor } from './flavor.ts';
import type { OperationEnd, OperationFailure, StepSummary } from './tenure.ts';
import { touching } from './touched.ts';

/** What an instance is when nothing happens to it (Nova's `vm_states`). */
export const vmStates = [
  'active',
  'building',
  'paused',
  'suspended',
  'stopped',
  'rescued',
  'resized',
  'soft-delete',
  'deleted',
  'error',
  'shelved',
  'shelved_offloaded',
] as const;
export type VmState = (typeof vmStates)[number];

/** What is happening to an instance (Nova's `task_states`, those of the operations that exist). */
export const taskStates = [
  'scheduling',
  'networking',
  'block_device_mapping',
  'spawning',
  'powering-off',
  'powering-on',
  'rebooting',
  'reboot_pending',
  'reboot_started',
  'rebooting_hard',
  'reboot_pending_hard',
  'reboot_started_hard',
  'pausing',
  'unpausing',
  'suspending',
  'resuming',
  'updating_password',
  'resize_prep',
  'resize_migrating',
  'resize_migrated',
  'resize_finish',
  'resize_reverting',
  'migrating',
  'image_snapshot_pending',
  'image_snapshot',
  'image_pending_upload',
  'image_uploading',
  'image_backup',
  'soft-deleting',
  'restoring',
  'deleting',
] as const;
export type TaskState = (typeof taskStates)[number];

/** Operations that change the record alone, beside whatever holds it. */
export const alterations: ReadonlySet<string> = new Set(['lockInstance', 'unlockInstance', 'renameInstance', 'setInstanceMetadata']);

/** The last operation that held an instance, or holds it: what its task history is of. */
export function lastHolderOf({ operation, recent }: Pick<Instance, 'operation' | 'recent'>): { readonly workflowId: string } | null {
  return operation ?? recent.findLast(({ type }) => !alterations.has(type)) ?? null;
}

/** The hypervisor's word, never inferred (Nova's `power_state`). */
export const powerStates = ['nostate', 'running', 'paused', 'shutdown', 'crashed', 'suspended'] as const;
export type PowerState = (typeof powerStates)[number];

export type DiskKind = 'qcow2' | 'raw' | 'lvm' | 'isolate' | 'volume';
export type DiskFormat = 'qcow2' | 'raw' | 'iso';

/** A disk as it was made: read from here, never probed, since a guest can write a header of its choice. */
export interface Disk {
  /** File name below the instance directory: `disk`, `disk.config`. */
  readonly name: string;
  /** Device name in the domain: `vda`. */
  readonly target: string;
  readonly kind: DiskKind;
  readonly format: DiskFormat;
  readonly sizeBytes: number;
  /** The immutable base of an overlay, by its content. */
  readonly backing: Backing | null;
  /** Path of the block device that it is; absent where it is a file. */
  readonly device?: string;
}

/** What a base may be: images of other formats are converted. */
export type BaseFormat = 'raw' | 'qcow2';

/** The base of an overlay: an image, or the raw disk it was converted to. */
export interface Backing {
  readonly imageId: string;
  /** Of the bytes of the base itself: what is compared between hosts. */
  readonly checksum: string;
  /** Absent in records of before images were converted: then it is the image's own. */
  readonly format?: BaseFormat;
}

export interface Port {
  readonly id: string;
  readonly network: string;
  readonly mac: string;
  readonly ip: string;
  readonly prefix: number;
  readonly gateway: string | null;
  /** Name of the tap device on the host, at most 15 characters. */
  readonly tap: string;
}

export interface Fault {
  /** One of the public failure types, `Terminated`, or what a guest came to by itself: `GuestCrashed`, `GuestIoError`. */
  readonly type: string;
  readonly message: string;
  readonly at: string;
  /** Null: no operation was at it. */
  readonly operation: { readonly workflowId: string; readonly runId: string; readonly type: string } | null;
}

/** The operation that holds the record. */
export interface OperationInProgress {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  /** Absent of operations that began before records told it, as is `requestId`. */
  readonly userId?: string;
  readonly requestId?: string | null;
  readonly step: string;
  readonly since: string;
  /** What who asked for it said. */
  readonly reason?: string;
}

/** An operation that let go and stays open: a resize that waits for confirm or revert. */
export interface OpenOperation {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly until: string | null;
}

/** How the instances directories of two hosts stand to each other: one and the same host, one directory, or two. */
export type StorageRelation = 'sameHost' | 'shared' | 'separate';

/**
 * Where an instance comes from and goes to, and all that is needed to go back: of a resize or a cold migration until it is decided, of a
 * live migration while it is under way.
 */
export interface Migration {
  readonly type: 'resize' | 'migration' | 'live-migration';
  /** Of the operation, the same after resets: what it put aside on its hosts is known by it. */
  readonly id: string;
  readonly source: string;
  readonly destination: string;
  readonly storage: StorageRelation;
  /** Of the claim that the source keeps, beside the one of the destination. */
  readonly claimId: string;
  readonly oldFlavor: Flavor;
  readonly oldDisks: readonly Disk[];
  /** Absent of one that has no CPU for itself. */
  readonly oldPinnedCpus?: PinnedCpus;
  readonly oldVmState: 'active' | 'stopped' | 'paused';
}

/** One of the last operations, kept after its own run has left with the retention. */
export interface RecentOperation {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly userId: string;
  /** Absent of operations that ended before records kept it, as is `failure`. */
  readonly requestId?: string | null;
  /** What who asked for it said. */
  readonly reason?: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly end: OperationEnd;
  /** Null when it completed. */
  readonly failure?: OperationFailure | null;
  readonly steps: readonly StepSummary[];
}

/** The record of an instance, as the query `record` returns it. Public API. */
export interface Instance {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  readonly userId: string;
  readonly vmState: VmState;
  readonly taskState: TaskState | null;
  readonly powerState: PowerState;
  readonly host: string | null;
  readonly availabilityZone: string | null;
  readonly flavor: Flavor;
  readonly image: string | null;
  readonly disks: readonly Disk[];
  readonly ports: readonly Port[];
  /** The versioned machine type the domain was defined with, so that a host's update never changes the guest's hardware. */
  readonly machineType: string | null;
  readonly cpuModel: string | null;
  /** Where each of its vCPUs runs on its host. Null: it has no CPU for itself. Absent in records of before any had their own. */
  readonly pinnedCpus?: PinnedCpus | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fault: Fault | null;
  readonly operation: OperationInProgress | null;
  readonly open: OpenOperation | null;
  /** Absent in records of before there was any. */
  readonly migration?: Migration | null;
  readonly recent: readonly RecentOperation[];
  readonly locked: { readonly by: string; readonly reason: string | null } | null;
  readonly taskHistory: readonly { readonly taskState: TaskState | null; readonly at: string }[];
  readonly generation: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly launchedAt: string | null;
  readonly launchedOn: string | null;
  readonly deletedAt: string | null;
}

/** The parts of a record that an operation may set while it holds it. */
export type InstanceChanges = Partial<
  Pick<
    Instance,
    | 'vmState'
    | 'taskState'
    | 'powerState'
    | 'host'
    | 'flavor'
    | 'disks'
    | 'ports'
    | 'machineType'
    | 'cpuModel'
    | 'pinnedCpus'
    | 'launchedAt'
    | 'launchedOn'
    | 'fault'
    | 'open'
    | 'migration'
  >
>;

/**
 * What the record of an instance says once a host was chosen for it, and before anything of it is there: a delete that comes after
 * whatever died looks in the records that it `touches`.
 */
export function chosenHost(
  host: string,
  networks: readonly string[],
): { readonly changes: InstanceChanges; readonly touches: readonly string[] } {
  return { changes: { host, launchedOn: host, taskState: null }, touches: touching([host], networks) };
}

/** The parts that are changed while nothing holds the record, or something else does. */
export type InstanceAlterations = Partial<Pick<Instance, 'name' | 'metadata' | 'locked'>>;
