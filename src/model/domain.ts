import type { CpuPlacement } from './cpus/placement.ts';
import type { DiskBus, InputDevice, ScsiModel, VideoModel, VifModel, WatchdogAction } from './hardware/hardware.ts';
import type { Topology } from './hardware/topology.ts';

/** A domain as we define it, in our own words: `domainXml` writes it for libvirt. */
export interface DomainSpec {
  /** The instance's id: a domain is found by it on any host. */
  readonly uuid: string;
  readonly name: string;
  readonly title: string;
  readonly metadata: DomainMetadata;
  readonly type: 'kvm' | 'qemu';
  /** The versioned machine type (`pc-q35-7.2`), never an alias: libvirt would write back another name than ours. */
  readonly machineType: string;
  /** Path of the QEMU binary; null leaves the choice to libvirt. */
  readonly emulator: string | null;
  readonly cpu: CpuSpec;
  /** Null leaves the arrangement of the vCPUs to QEMU. */
  readonly topology: Topology | null;
  readonly vcpus: number;
  /** Null: they float over all CPUs of the host. */
  readonly cpus: CpuPlacement | null;
  readonly memoryMiB: number;
  /** Null: the BIOS that QEMU has of its own. */
  readonly firmware: FirmwareSpec | null;
  readonly boot: BootSpec;
  readonly hasBootMenu: boolean;
  readonly clock: 'utc' | 'localtime';
  readonly disks: readonly DiskSpec[];
  /** Null: no SCSI controller of ours. */
  readonly scsiModel: ScsiModel | null;
  readonly interfaces: readonly InterfaceSpec[];
  readonly serialPorts: number;
  /** File that keeps what the guest writes to its first serial port. */
  readonly consoleLogPath: string;
  /** Free PCIe ports for devices that are attached while the guest runs; on q35 only. */
  readonly sparePciePorts: number;
  /** Whether there is a channel for the QEMU guest agent. */
  readonly hasGuestAgent: boolean;
  readonly inputs: readonly InputDevice[];
  readonly vnc: VncSpec | null;
  /** Null: a card only where there is a screen. */
  readonly videoModel: VideoModel | null;
  readonly watchdogAction: WatchdogAction | null;
}

/** What a domain says of itself: the proof that it is ours, and enough to adopt it when its record was lost. */
export interface DomainMetadata {
  readonly instanceId: string;
  readonly name: string;
  readonly projectId: string;
  readonly userId: string;
  readonly flavor: string;
  readonly image: string | null;
  readonly generation: number;
}

export type CpuSpec = { readonly mode: 'host-model' } | { readonly mode: 'custom'; readonly model: string };

/** UEFI in two parts: code that all guests of a host share, and the variables of this guest. */
export interface FirmwareSpec {
  readonly codePath: string;
  readonly variablesPath: string;
  /** What the variables are made from where they are lost. */
  readonly templatePath: string;
}

export type BootSpec = { readonly from: 'disk' } | KernelBootSpec;

/** QEMU loads the kernel itself; nothing on the guest's disks decides what boots. */
export interface KernelBootSpec {
  readonly from: 'kernel';
  readonly kernelPath: string;
  readonly initrdPath: string | null;
  readonly commandLine: string;
}

/** `none` needs a file system that opens files with O_DIRECT; `writethrough` is the safe choice where it does not. */
export type DiskCache = 'none' | 'writethrough' | 'writeback' | 'directsync' | 'unsafe';

export interface DiskSpec {
  readonly device: 'disk' | 'cdrom';
  /** Absolute path of the file or block device. */
  readonly path: string;
  readonly source: 'file' | 'block';
  /** The format on record: libvirt never probes. */
  readonly format: 'qcow2' | 'raw';
  readonly target: string;
  readonly bus: DiskBus;
  readonly cache: DiskCache;
  /** Whether QEMU looks for zeros in what is written: a copy of a block device, which has no holes, then takes no room for them. */
  readonly detectsZeroes: boolean;
  readonly isReadOnly: boolean;
  /** The base of an overlay, so that libvirt does not ask the header for it; null when there is none. */
  readonly backing: { readonly path: string; readonly format: 'qcow2' | 'raw' } | null;
}

export interface InterfaceSpec {
  readonly mac: string;
  readonly bridge: string;
  readonly tap: string;
  readonly model: VifModel;
  /** Null keeps the bridge's own. */
  readonly mtu: number | null;
  readonly filter: InterfaceFilter | null;
}

/** An nwfilter of the host. Without `ip` libvirt learns the address, which needs a guest that talks. */
export interface InterfaceFilter {
  readonly name: string;
  readonly ip: string | null;
}

export interface VncSpec {
  readonly listenAddress: string;
}

/** The XML namespace of our metadata in a domain. */
export const METADATA_NAMESPACE = 'https://novaflow.dev/xmlns/instance/1';

const NAME_PREFIX = 'novaflow-';

/** The name of an instance's domain, unique on every host. */
export function domainNameOf(instanceId: string): string {
  return `${NAME_PREFIX}${instanceId}`;
}

/** Whether a machine type has PCI Express, and with it ports that have to be there before a device is attached. */
export function hasPcie(machineType: string): boolean {
  return machineType === 'q35' || machineType.startsWith('pc-q35-');
}
