import { type Topology, topologyOf } from './topology.ts';

/** Buses a guest's disk can be on. */
export const diskBuses = ['virtio', 'scsi', 'sata', 'ide', 'usb'] as const;
export type DiskBus = (typeof diskBuses)[number];

/** Buses a guest's CD-ROM can be on: virtio has none. */
export const cdromBuses = ['scsi', 'sata', 'ide', 'usb'] as const;
export type CdromBus = (typeof cdromBuses)[number];

/** libvirt gives disks of one controller units of one target, of which VMware's (`vmpvscsi`) has but one: the second disk does not start. */
export const scsiModels = ['virtio-scsi', 'lsilogic', 'lsisas1068', 'lsisas1078'] as const;
export type ScsiModel = (typeof scsiModels)[number];

export const vifModels = ['virtio', 'e1000', 'e1000e', 'rtl8139', 'ne2k_pci', 'pcnet', 'vmxnet3'] as const;
export type VifModel = (typeof vifModels)[number];

export const videoModels = ['virtio', 'vga', 'cirrus', 'qxl', 'bochs', 'vmvga', 'none'] as const;
export type VideoModel = (typeof videoModels)[number];

/** What a watchdog does with a guest that stopped feeding it; `disabled`: there is no watchdog. */
export const watchdogActions = ['none', 'pause', 'poweroff', 'reset', 'disabled'] as const;
export type WatchdogAction = Exclude<(typeof watchdogActions)[number], 'disabled'>;

export const inputBuses = ['usb', 'virtio'] as const;
export type InputBus = (typeof inputBuses)[number];

export interface InputDevice {
  readonly type: 'tablet' | 'keyboard';
  readonly bus: InputBus;
}

/** What the properties of an image and the extra specs of a flavor make of a guest's devices. */
export interface Hardware {
  /** `q35`, `pc` or a version of one of them; null leaves the choice to the host. */
  readonly machineType: string | null;
  readonly firmware: 'bios' | 'uefi';
  readonly diskBus: DiskBus;
  /** Null: the config drive is a read-only disk on the bus of the others. */
  readonly cdromBus: CdromBus | null;
  /** Null: there is no SCSI controller. */
  readonly scsiModel: ScsiModel | null;
  readonly vifModel: VifModel;
  /** Null: the guest has no screen. */
  readonly videoModel: VideoModel | null;
  readonly watchdogAction: WatchdogAction | null;
  readonly inputs: readonly InputDevice[];
  readonly serialPorts: number;
  readonly hasBootMenu: boolean;
  readonly hasGuestAgent: boolean;
  /** What the guest's clock shows at its start: Windows expects the local time. */
  readonly clock: 'utc' | 'localtime';
  /** Null leaves the choice to QEMU. */
  readonly topology: Topology | null;
}

/** What hardware is made from: whatever is in it has passed `hardwareProblems`. */
export interface HardwareWishes {
  readonly properties: Readonly<Record<string, string>>;
  readonly extraSpecs: Readonly<Record<string, string>>;
  readonly vcpus: number;
}

/** The guest's devices. An image says more of its system than a flavor: where both set something, the image's counts. */
export function hardwareOf({ properties, extraSpecs, vcpus }: HardwareWishes): Hardware {
  const image = (name: string) => properties[name];
  const either = (name: string) => properties[`hw_${name}`] ?? extraSpecs[`hw:${name}`];
  const diskBus = find(diskBuses, image('hw_disk_bus')) ?? 'virtio';
  const cdromBus = find(cdromBuses, image('hw_cdrom_bus'));
  const watchdog = find(watchdogActions, either('watchdog_action'));
  return {
    machineType: image('hw_machine_type') ?? null,
    firmware: image('hw_firmware_type') === 'uefi' ? 'uefi' : 'bios',
    diskBus,
    cdromBus,
    scsiModel: find(scsiModels, image('hw_scsi_model')) ?? (diskBus === 'scsi' || cdromBus === 'scsi' ? 'virtio-scsi' : null),
    vifModel: find(vifModels, image('hw_vif_model')) ?? 'virtio',
    videoModel: find(videoModels, image('hw_video_model')),
    watchdogAction: watchdog === 'disabled' ? null : watchdog,
    inputs: inputsOf(image('hw_pointer_model'), find(inputBuses, either('input_bus'))),
    serialPorts: Number(either('serial_port_count') ?? 1),
    hasBootMenu: isYes(either('boot_menu')),
    hasGuestAgent: isYes(image('hw_qemu_guest_agent')),
    clock: image('os_type') === 'windows' ? 'localtime' : 'utc',
    topology: topologyOf({ properties, extraSpecs, vcpus }),
  };
}

/** What a guest has whose image and flavor ask for nothing. */
export const plainHardware: Hardware = hardwareOf({ properties: {}, extraSpecs: {}, vcpus: 1 });

/** Whether a property says yes, in one of the words that Nova takes for it. */
export function isYes(value: string | undefined): boolean {
  return ['1', 't', 'true', 'on', 'y', 'yes'].includes((value ?? '').toLowerCase());
}

/** A tablet shows the pointer where the viewer has it; without a bus of its own Nova puts it on USB. A PS/2 mouse is always there. */
function inputsOf(pointerModel: string | undefined, bus: InputBus | null): readonly InputDevice[] {
  const tablet = { type: 'tablet', bus: bus ?? 'usb' } as const;
  const isWanted = pointerModel === 'usbtablet' || (pointerModel === undefined && bus !== null);
  return [...(isWanted ? [tablet] : []), ...(bus === null ? [] : [{ type: 'keyboard', bus } as const])];
}

function find<T extends string>(values: readonly T[], value: string | undefined): T | null {
  return values.find((one) => one === value) ?? null;
}
