import type { Disk } from '../instance.ts';
import type { CdromBus, DiskBus, Hardware } from './hardware.ts';

type Buses = Pick<Hardware, 'diskBus' | 'cdromBus'>;

/** Where a disk is plugged. */
export type DiskPlace = { readonly device: 'disk'; readonly bus: DiskBus } | { readonly device: 'cdrom'; readonly bus: CdromBus };

/**
 * The device and bus of a disk by its name. The config drive is a CD-ROM only where the image asks for one, or where a disk
 * cannot be read-only: a guest has a driver for the bus of its root disk, while Debian's cloud kernel, for one, has no AHCI and
 * would never see a drive on q35's SATA.
 */
export function placeOf(name: string, { diskBus, cdromBus }: Buses): DiskPlace {
  if (name !== 'disk.config') return { device: 'disk', bus: diskBus };
  if (cdromBus !== null) return { device: 'cdrom', bus: cdromBus };
  return diskBus === 'sata' || diskBus === 'ide' ? { device: 'cdrom', bus: diskBus } : { device: 'disk', bus: diskBus };
}

/** The disks with the device names of their buses: letters in their order, except that a config drive on virtio is the last one, as in Nova. */
export function withTargets(disks: readonly Omit<Disk, 'target'>[], buses: Buses): readonly Disk[] {
  const taken = new Map<string, number>();
  return disks.map((disk) => {
    const { bus } = placeOf(disk.name, buses);
    if (disk.name === 'disk.config' && bus === 'virtio') return { ...disk, target: 'vdz' };
    const prefix = prefixes[bus];
    const index = taken.get(prefix) ?? 0;
    taken.set(prefix, index + 1);
    return { ...disk, target: `${prefix}${letters[index]}` };
  });
}

/** The root disk as the guest's kernel calls it: its ATA driver knows no `hda`. */
export function rootDeviceOf({ diskBus }: Buses): string {
  return diskBus === 'virtio' ? '/dev/vda' : '/dev/sda';
}

const prefixes: Readonly<Record<DiskBus, string>> = { virtio: 'vd', scsi: 'sd', sata: 'sd', usb: 'sd', ide: 'hd' };
const letters = 'abcdefghijklmnopqrstuvwxyz';
