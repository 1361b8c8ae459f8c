import { join } from 'node:path';
import { antiSpoofingFilter } from '../model/anti-spoofing.ts';
import type { CpuPlacement } from '../model/cpus/placement.ts';
import { dedicatedCpusOf } from '../model/cpus/policy.ts';
import { type BootSpec, type CpuSpec, type DiskSpec, type DomainSpec, domainNameOf, type InterfaceSpec } from '../model/domain.ts';
import { placeOf, rootDeviceOf } from '../model/hardware/disk-places.ts';
import { type Hardware, hardwareOf } from '../model/hardware/hardware.ts';
import type { Disk, Instance } from '../model/instance.ts';
import { qemuFormatOf } from '../model/qemu-format.ts';
import type { UefiFiles } from '../qemu/firmware.ts';
import type { BootImages } from './accept/images.ts';
import type { Vif } from './addresses.ts';
import { fail } from './fail.ts';
import { variablesPathIn } from './uefi-variables.ts';

/** What a host makes of a domain's wishes. */
export interface HostChoices {
  readonly type: 'kvm' | 'qemu';
  /** The versioned machine type: an update of QEMU never changes a guest's hardware. */
  readonly machineType: string;
  readonly cpu: CpuSpec;
  /** UEFI as this host has it; null for a guest that starts by BIOS. */
  readonly uefi: UefiFiles | null;
  readonly baseOf: (imageId: string) => string;
  /** Of a base whose disk was recorded without it. */
  readonly baseFormatOf: 'raw' | 'qcow2';
  /** Whether a guest has a screen even if its image asks for none. */
  readonly hasScreen: boolean;
  /** The CPUs over which guests without their own float; null: all of them. */
  readonly sharedCpus: readonly number[] | null;
}

/** VNC asks for no password: who may look comes through the worker. On every host the same, so that a migration changes nothing. */
export const screenAddress = '127.0.0.1';

/** Ports for devices that are attached while the guest runs, as many as Nova's `num_pcie_ports` leaves on q35. */
const sparePciePorts = 8;

/** What a domain says of its instance. */
export type Described = Pick<Instance, 'id' | 'name' | 'projectId' | 'userId' | 'flavor' | 'image' | 'generation' | 'pinnedCpus'>;

/** The domain of an instance on this host. */
export function domainSpecOf(
  directory: string,
  instance: Described,
  image: BootImages,
  disks: readonly Disk[],
  vifs: readonly Vif[],
  choices: HostChoices,
): DomainSpec {
  const { id, name, projectId, userId, flavor, generation } = instance;
  const hardware = hardwareFor(instance, image);
  return {
    uuid: id,
    name: domainNameOf(id),
    title: name,
    metadata: { instanceId: id, name, projectId, userId, flavor: flavor.name, image: instance.image, generation },
    type: choices.type,
    machineType: choices.machineType,
    emulator: null,
    cpu: choices.cpu,
    topology: hardware.topology,
    vcpus: flavor.vcpus,
    cpus: cpuPlacementOf(instance, image, choices.sharedCpus),
    memoryMiB: flavor.memoryMiB,
    firmware: choices.uefi === null ? null : { ...choices.uefi, variablesPath: variablesPathIn(directory) },
    boot: bootOf(directory, image, hardware),
    hasBootMenu: hardware.hasBootMenu,
    clock: hardware.clock,
    disks: disks.map((disk) => diskSpecOf(directory, disk, hardware, choices)),
    scsiModel: hardware.scsiModel,
    interfaces: vifs.map((vif) => interfaceSpecOf(vif, hardware)),
    serialPorts: hardware.serialPorts,
    consoleLogPath: join(directory, 'console.log'),
    sparePciePorts,
    hasGuestAgent: hardware.hasGuestAgent,
    inputs: hardware.inputs,
    vnc: choices.hasScreen || (hardware.videoModel ?? 'none') !== 'none' ? { listenAddress: screenAddress } : null,
    videoModel: hardware.videoModel,
    watchdogAction: hardware.watchdogAction,
  };
}

/** The devices that an instance's image and flavor ask for. */
export function hardwareFor({ flavor: { extraSpecs, vcpus } }: Pick<Instance, 'flavor'>, { properties }: BootImages): Hardware {
  return hardwareOf({ properties, extraSpecs, vcpus });
}

/** Raises `DomainDefinitionRejected` for a guest that has to have CPUs for itself and was not given them. */
function cpuPlacementOf(
  { id, flavor: { extraSpecs, vcpus }, pinnedCpus }: Described,
  { properties }: BootImages,
  sharedCpus: readonly number[] | null,
): CpuPlacement | null {
  if (dedicatedCpusOf({ properties, extraSpecs, vcpus }) === null) return sharedCpus === null ? null : { pinned: null, shared: sharedCpus };
  if (pinnedCpus?.length === vcpus) return { pinned: pinnedCpus, shared: sharedCpus ?? [] };
  throw fail(
    'DomainDefinitionRejected',
    `instance ${id} has ${vcpus} vCPUs, of which ${pinnedCpus?.length ?? 0} have a place on this host`,
  );
}

function bootOf(directory: string, { kernel, ramdisk, properties }: BootImages, hardware: Hardware): BootSpec {
  if (kernel === null) return { from: 'disk' };
  return {
    from: 'kernel',
    kernelPath: join(directory, 'kernel'),
    initrdPath: ramdisk === null ? null : join(directory, 'ramdisk'),
    commandLine: properties['os_command_line'] ?? `root=${rootDeviceOf(hardware)} console=tty0 console=ttyS0`,
  };
}

function diskSpecOf(
  directory: string,
  { name, target, kind, format, backing, device }: Disk,
  hardware: Hardware,
  choices: HostChoices,
): DiskSpec {
  const isConfigDrive = name === 'disk.config';
  return {
    ...placeOf(name, hardware),
    path: device ?? join(directory, name),
    source: device === undefined ? 'file' : 'block',
    format: qemuFormatOf(format),
    target,
    cache: isConfigDrive ? 'writethrough' : 'none',
    detectsZeroes: kind === 'isolate',
    isReadOnly: isConfigDrive,
    backing: backing === null ? null : { path: choices.baseOf(backing.imageId), format: backing.format ?? choices.baseFormatOf },
  };
}

/** The guest may only speak from the addresses it was given. */
function interfaceSpecOf({ port: { mac, tap, ip }, bridge, mtu }: Vif, { vifModel: model }: Hardware): InterfaceSpec {
  return { mac, bridge, tap, model, mtu, filter: { name: antiSpoofingFilter, ip } };
}
