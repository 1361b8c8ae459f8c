import { type DomainSpec, domainNameOf } from '../../src/model/domain.ts';

const uuid = '6a1b2c3d-0000-4000-8000-000000000001';

/** A guest under TCG on q35 with a root overlay, a config drive and one port, booted by kernel and initrd. */
export function domain(changes: Partial<DomainSpec> = {}): DomainSpec {
  return {
    uuid,
    name: domainNameOf(uuid),
    title: 'web 1',
    metadata: {
      instanceId: uuid,
      name: 'web 1',
      projectId: 'demo',
      userId: 'admin',
      flavor: 'lab.tiny',
      image: '6a1b2c3d-0000-4000-8000-0000000000ff',
      generation: 3,
    },
    type: 'qemu',
    machineType: 'pc-q35-7.2',
    emulator: '/usr/bin/qemu-system-x86_64',
    cpu: { mode: 'custom', model: 'qemu64' },
    topology: null,
    vcpus: 1,
    memoryMiB: 64,
    firmware: null,
    hasBootMenu: false,
    clock: 'utc',
    boot: { from: 'kernel', kernelPath: '/instances/1/kernel', initrdPath: '/instances/1/ramdisk', commandLine: 'console=ttyS0 quiet' },
    disks: [
      {
        device: 'disk',
        path: '/instances/1/disk',
        source: 'file',
        format: 'qcow2',
        target: 'vda',
        bus: 'virtio',
        cache: 'none',
        isReadOnly: false,
        backing: { path: '/instances/_base/0a', format: 'raw' },
      },
      {
        device: 'cdrom',
        path: '/instances/1/disk.config',
        source: 'file',
        format: 'raw',
        target: 'sda',
        bus: 'sata',
        cache: 'none',
        isReadOnly: true,
        backing: null,
      },
    ],
    interfaces: [
      {
        mac: 'fa:16:3e:00:00:01',
        bridge: 'br-provider',
        tap: 'tap0123456789a',
        model: 'virtio',
        mtu: 1450,
        filter: { name: 'clean-traffic', ip: '10.0.0.10' },
      },
    ],
    scsiModel: null,
    serialPorts: 1,
    consoleLogPath: '/instances/1/console.log',
    sparePciePorts: 4,
    hasGuestAgent: false,
    inputs: [],
    vnc: null,
    videoModel: null,
    watchdogAction: null,
    ...changes,
  };
}

/** One of each choice that a domain has, by the name of the stored answer of libvirt. */
export const variants: Readonly<Record<string, DomainSpec>> = {
  'q35 by kernel': domain(),
  'pc by disk': domain({
    machineType: 'pc-i440fx-7.2',
    boot: { from: 'disk' },
    vcpus: 2,
    memoryMiB: 1024,
    hasGuestAgent: true,
    vnc: { listenAddress: '127.0.0.1' },
    interfaces: [
      {
        mac: 'fa:16:3e:00:00:02',
        bridge: 'br0',
        tap: 'tap0123456789b',
        model: 'virtio',
        mtu: null,
        filter: { name: 'clean-traffic', ip: null },
      },
    ],
    disks: [
      {
        device: 'disk',
        path: '/dev/disk/by-id/virtio-1',
        source: 'block',
        format: 'raw',
        target: 'vda',
        bus: 'virtio',
        cache: 'directsync',
        isReadOnly: false,
        backing: null,
      },
      {
        device: 'cdrom',
        path: '/instances/1/disk.config',
        source: 'file',
        format: 'raw',
        target: 'hda',
        bus: 'ide',
        cache: 'writethrough',
        isReadOnly: true,
        backing: null,
      },
    ],
  }),
  'awkward text': domain({
    title: `<b> & "c" 'd' ]]> é 😀 &amp;`,
    metadata: {
      instanceId: uuid,
      name: `<b> & "c" 'd' ]]> é 😀 &amp;`,
      projectId: '<!-- p -->',
      userId: '&lt;u&gt;',
      flavor: 'a b',
      image: null,
      generation: 1,
    },
    boot: { from: 'kernel', kernelPath: `/instances/a "b" & 'c'/kernel`, initrdPath: null, commandLine: `a="b" c='d' <e> & f` },
    interfaces: [],
    sparePciePorts: 0,
  }),
};
