import type { PowerState } from '../instance.ts';

/** All that a host has of ours, as it was found; nothing in it is judged. Names are sorted. */
export interface HostListing {
  readonly domains: readonly ListedDomain[];
  readonly instances: ListedInstances;
  /** Whole block devices and logical volumes that disks of instances are. */
  readonly devices: readonly ListedDevice[];
  readonly store: { readonly directory: string; readonly files: readonly string[] };
  readonly links: readonly ListedLink[];
  /** Devices that have a network filter. */
  readonly filterBindings: readonly string[];
  /** Loop devices whose file lies below the instances. */
  readonly loopDevices: readonly { readonly device: string; readonly file: string }[];
  /** QEMU processes that run a domain named as ours are. */
  readonly guests: readonly { readonly pid: number; readonly instanceId: string }[];
  /** Commands of ours that have files below the instances or in the store open. */
  readonly tools: readonly { readonly pid: number; readonly name: string; readonly files: readonly string[] }[];
  /** What sends or receives something of an instance, by the names of its files. Absent in listings of before 0.2. */
  readonly transfers?: readonly { readonly instanceId: string; readonly files: readonly string[] }[];
}

/** A domain with our metadata. */
export interface ListedDomain {
  readonly instanceId: string;
  readonly powerState: PowerState;
  /** Null when its QEMU has one and does not answer. */
  readonly blockJobs: readonly ListedBlockJob[] | null;
  /** The CPUs that each vCPU which is pinned may run on, as libvirt writes them. Absent in listings of before any was. */
  readonly pins?: readonly string[];
  /** The CPUs over which the others float; null: over all. Absent in listings of before it was told. */
  readonly floatsOver?: string | null;
}

/** A job on a disk, by the guest's name of the disk. */
export interface ListedBlockJob {
  readonly disk: string;
  readonly job: string;
}

/** The instances directory. */
export interface ListedInstances {
  readonly directory: string;
  /** The hosts whose workers keep their lock here: more than one when they share the directory. */
  readonly sharers: readonly string[];
  readonly perInstance: readonly { readonly instanceId: string; readonly files: readonly string[] }[];
  /** What a migration put aside until it is decided, `<instance>_resize`. Absent in listings of workers before there was any. */
  readonly asides?: readonly { readonly instanceId: string; readonly files: readonly string[] }[];
  /** What lies in `_base`. */
  readonly bases: readonly string[];
  /** What is none of these. */
  readonly others: readonly string[];
}

export interface ListedLink {
  readonly name: string;
  /** The bridge that it is a port of, or null. */
  readonly master: string | null;
}

/** A block device that a host gave to a disk. */
export interface ListedDevice {
  readonly path: string;
  readonly instanceId: string;
  readonly disk: string;
  /** What differs between the device and the one that was given, or null. */
  readonly difference: string | null;
}
