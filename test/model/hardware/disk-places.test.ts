import { describe, expect, test } from 'vitest';
import { placeOf, rootDeviceOf, withTargets } from '../../../src/model/hardware/disk-places.ts';
import type { CdromBus, DiskBus } from '../../../src/model/hardware/hardware.ts';
import type { Disk } from '../../../src/model/instance.ts';

function disk(name: string): Disk {
  return { name, target: '', kind: 'raw', format: 'raw', sizeBytes: 1, backing: null };
}

describe('device names follow the buses', () => {
  test.for([
    ['virtio', null, 'vda vdb vdz'],
    ['scsi', null, 'sda sdb sdc'],
    ['sata', null, 'sda sdb sdc'],
    ['usb', null, 'sda sdb sdc'],
    ['ide', null, 'hda hdb hdc'],
    ['virtio', 'sata', 'vda vdb sda'],
    ['scsi', 'ide', 'sda sdb hda'],
    ['scsi', 'sata', 'sda sdb sdc'],
  ] as readonly (readonly [DiskBus, CdromBus | null, string])[])('disks on %s, a CD-ROM on %s', ([diskBus, cdromBus, names]) => {
    const disks = withTargets(['disk', 'disk.swap', 'disk.config'].map(disk), { diskBus, cdromBus });
    expect(disks.map(({ target }) => target).join(' ')).toBe(names);
  });
});

describe('the config drive is', () => {
  test.for([
    ['virtio', null, { device: 'disk', bus: 'virtio' }],
    ['scsi', null, { device: 'disk', bus: 'scsi' }],
    ['sata', null, { device: 'cdrom', bus: 'sata' }],
    ['ide', null, { device: 'cdrom', bus: 'ide' }],
    ['virtio', 'usb', { device: 'cdrom', bus: 'usb' }],
  ] as const)('for disks on %s and a CD-ROM on %s: %o', ([diskBus, cdromBus, place]) => {
    expect(placeOf('disk.config', { diskBus, cdromBus })).toStrictEqual(place);
    expect(placeOf('disk', { diskBus, cdromBus })).toStrictEqual({ device: 'disk', bus: diskBus });
  });
});

test('the kernel finds its root by the name that it gives to disks of the bus', () => {
  const names = (['virtio', 'scsi', 'ide'] as const).map((diskBus) => rootDeviceOf({ diskBus, cdromBus: null }));
  expect(names).toStrictEqual(['/dev/vda', '/dev/sda', '/dev/sda']);
});
