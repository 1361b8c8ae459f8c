import { join } from 'node:path';
import { antiSpoofingFilter } from '../model/anti-spoofing.ts';
import { type CpuSpec, type DiskSpec, type DomainSpec, domainNameOf, type InterfaceSpec } from '../model/domain.ts';
import type { Disk, Instance } from '../model/instance.ts';
import type { BootImages } from './accept/images.ts';
import type { Vif } from './addresses.ts';

/** What a host makes of a domain's wishes. */
export interface HostChoices {
  readonly type: 'kvm' | 'qemu';
  /** The versioned machine type: an update of QEMU never changes a guest's hardware. */
  readonly machineType: string;
  readonly cpu: CpuSpec;
  readonly baseOf: (imageId: string) => string;
  /** Of a base whose disk was recorded without it. */
  readonly baseFormatOf: 'raw' | 'qcow2';
}

/** Ports for devices that are attached while the guest runs, as many as Nova's `num_pcie_ports` leaves on q35. */
const sparePciePorts = 8;

/** The domain of an instance on this host. */
export function domainSpecOf(
  directory: string,
  instance: Instance,
  image: BootImages,
  disks: readonly Disk[],
  vifs: readonly Vif[],
  choices: HostChoices,
): DomainSpec {
  const { id, name, projectId, userId, flavor, generation } = instance;
  return {
    uuid: id,
    name: domainNameOf(id),
    title: name,
    metadata: { instanceId: id, name, projectId, userId, flavor: flavor.name, image: instance.image, generation },
    type: choices.type,
    machineType: choices.machineType,
    emulator: null,
    cpu: choices.cpu,
    vcpus: flavor.vcpus,
    memoryMiB: flavor.memoryMiB,
    boot:
      image.kernel === null
        ? { from: 'disk' }
        : {
            from: 'kernel',
            kernelPath: join(directory, 'kernel'),
            initrdPath: image.ramdisk === null ? null : join(directory, 'ramdisk'),
            commandLine: image.properties['os_command_line'] ?? 'root=/dev/vda console=tty0 console=ttyS0',
          },
    disks: disks.map((disk) => diskSpecOf(directory, disk, choices)),
    interfaces: vifs.map(interfaceSpecOf),
    consoleLogPath: join(directory, 'console.log'),
    sparePciePorts,
    hasGuestAgent: image.properties['hw_qemu_guest_agent'] === 'yes',
    vnc: null,
  };
}

/**
 * The config drive is a read-only virtio disk, the last of its bus as in Nova, and no CD-ROM: the guest has a driver for it
 * since its root disk needs the same one. Debian's cloud kernel, for one, has no AHCI and would never see a drive on q35's SATA.
 */
function diskSpecOf(directory: string, { name, target, format, backing }: Disk, choices: HostChoices): DiskSpec {
  const isConfigDrive = name === 'disk.config';
  return {
    device: 'disk',
    path: join(directory, name),
    source: 'file',
    format: format === 'qcow2' ? 'qcow2' : 'raw',
    target,
    bus: 'virtio',
    cache: isConfigDrive ? 'writethrough' : 'none',
    isReadOnly: isConfigDrive,
    backing: backing === null ? null : { path: choices.baseOf(backing.imageId), format: backing.format ?? choices.baseFormatOf },
  };
}

/** The guest may only speak from the addresses it was given. */
function interfaceSpecOf({ port: { mac, tap, ip }, bridge, mtu }: Vif): InterfaceSpec {
  return { mac, bridge, tap, mtu, filter: { name: antiSpoofingFilter, ip } };
}
