import { expect, test } from 'vitest';
import { type Hardware, hardwareOf, plainHardware } from '../../../src/model/hardware/hardware.ts';

type Strings = Readonly<Record<string, string>>;

test('a guest whose image and flavor ask for nothing is all virtio, without screen, watchdog and agent', () => {
  expect(plainHardware).toStrictEqual({
    machineType: null,
    firmware: 'bios',
    diskBus: 'virtio',
    cdromBus: null,
    scsiModel: null,
    vifModel: 'virtio',
    videoModel: null,
    watchdogAction: null,
    inputs: [],
    serialPorts: 1,
    hasBootMenu: false,
    hasGuestAgent: false,
    clock: 'utc',
    topology: null,
  } satisfies Hardware);
});

test.for([
  ['disks on SCSI have a controller', { hw_disk_bus: 'scsi' }, {}, { diskBus: 'scsi', scsiModel: 'virtio-scsi' }],
  ['so has a CD-ROM', { hw_cdrom_bus: 'scsi', hw_scsi_model: 'lsilogic' }, {}, { cdromBus: 'scsi', scsiModel: 'lsilogic' }],
  ['a watchdog is chosen by the flavor', {}, { 'hw:watchdog_action': 'pause' }, { watchdogAction: 'pause' }],
  ['or by the image, which counts more', { hw_watchdog_action: 'reset' }, { 'hw:watchdog_action': 'pause' }, { watchdogAction: 'reset' }],
  ['an image can do without it', { hw_watchdog_action: 'disabled' }, { 'hw:watchdog_action': 'pause' }, { watchdogAction: null }],
  ['serial ports are those of the image', { hw_serial_port_count: '2' }, { 'hw:serial_port_count': '4' }, { serialPorts: 2 }],
  ['a tablet is on USB', { hw_pointer_model: 'usbtablet' }, {}, { inputs: [{ type: 'tablet', bus: 'usb' }] }],
  [
    'a bus for input has a tablet and a keyboard',
    { hw_input_bus: 'virtio' },
    {},
    {
      inputs: [
        { type: 'tablet', bus: 'virtio' },
        { type: 'keyboard', bus: 'virtio' },
      ],
    },
  ],
  [
    'but no tablet beside a PS/2 mouse',
    { hw_input_bus: 'usb', hw_pointer_model: 'ps2mouse' },
    {},
    { inputs: [{ type: 'keyboard', bus: 'usb' }] },
  ],
  ['Windows has a clock of local time', { os_type: 'windows' }, {}, { clock: 'localtime' }],
  ['yes is written in many ways', { hw_qemu_guest_agent: 'True', hw_boot_menu: '1' }, {}, { hasGuestAgent: true, hasBootMenu: true }],
  ['and so is no', { hw_qemu_guest_agent: 'off' }, { 'hw:boot_menu': 'false' }, { hasGuestAgent: false, hasBootMenu: false }],
] as readonly (readonly [string, Strings, Strings, Partial<Hardware>])[])('%s', ([, properties, extraSpecs, changed]) => {
  expect(hardwareOf({ properties, extraSpecs, vcpus: 1 })).toStrictEqual({ ...plainHardware, ...changed });
});
