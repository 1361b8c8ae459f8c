import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js';
import type { DiskSpec, DomainSpec, InterfaceSpec } from './domain.ts';
import { addControllers } from './domain-controllers.ts';

/** The devices of a domain. */
export function addDevices(devices: XMLBuilder, spec: DomainSpec): void {
  if (spec.emulator !== null) devices.ele('emulator').txt(spec.emulator);
  for (const disk of spec.disks) addDisk(devices, disk);
  addControllers(devices, spec);
  for (const port of spec.interfaces) addInterface(devices, port);
  addSerialPorts(devices, spec);
  if (spec.hasGuestAgent) addGuestAgent(devices);
  for (const input of spec.inputs) devices.ele('input', { ...input });
  if (spec.vnc !== null) devices.ele('graphics', { type: 'vnc', port: '-1', autoport: 'yes', listen: spec.vnc.listenAddress });
  addVideo(devices, spec);
  if (spec.watchdogAction !== null) devices.ele('watchdog', { model: 'i6300esb', action: spec.watchdogAction });
  devices.ele('memballoon', { model: 'virtio' }).ele('stats', { period: '10' });
  devices.ele('rng', { model: 'virtio' }).ele('backend', { model: 'random' }).txt('/dev/urandom');
}

function addDisk(devices: XMLBuilder, disk: DiskSpec): void {
  const element = devices.ele('disk', { type: disk.source, device: disk.device });
  const zeroes = disk.detectsZeroes ? { detect_zeroes: 'on' } : {};
  element.ele('driver', { name: 'qemu', type: disk.format, cache: disk.cache, ...zeroes });
  element.ele('source', { [disk.source === 'file' ? 'file' : 'dev']: disk.path });
  if (disk.backing !== null) addBacking(element, disk.backing);
  element.ele('target', { dev: disk.target, bus: disk.bus });
  if (disk.isReadOnly) element.ele('readonly');
}

function addBacking(disk: XMLBuilder, { path, format }: { readonly path: string; readonly format: string }): void {
  const backing = disk.ele('backingStore', { type: 'file' });
  backing.ele('format', { type: format });
  backing.ele('source', { file: path });
  // The empty element ends the chain: libvirt does not look for a base of the base.
  backing.ele('backingStore');
}

function addInterface(devices: XMLBuilder, { mac, bridge, tap, model, mtu, filter }: InterfaceSpec): void {
  const element = devices.ele('interface', { type: 'bridge' });
  element.ele('mac', { address: mac });
  element.ele('source', { bridge });
  element.ele('target', { dev: tap });
  element.ele('model', { type: model });
  if (filter !== null) {
    const reference = element.ele('filterref', { filter: filter.name });
    if (filter.ip !== null) reference.ele('parameter', { name: 'IP', value: filter.ip });
  }
  if (mtu !== null) element.ele('mtu', { size: `${mtu}` });
}

/** Terminals that can be opened, the first with a log of all it ever printed. */
function addSerialPorts(devices: XMLBuilder, { serialPorts, consoleLogPath }: DomainSpec): void {
  for (let port = 0; port < serialPorts; port += 1) {
    const serial = devices.ele('serial', { type: 'pty' });
    if (port === 0) serial.ele('log', { file: consoleLogPath, append: 'on' });
    serial.ele('target', { type: 'isa-serial', port: `${port}` });
  }
}

function addGuestAgent(devices: XMLBuilder): void {
  devices.ele('channel', { type: 'unix' }).ele('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' });
}

/** A screen that can be looked at has a card of some kind behind it. */
function addVideo(devices: XMLBuilder, { videoModel, vnc }: DomainSpec): void {
  const type = videoModel ?? (vnc === null ? null : 'vga');
  if (type !== null) devices.ele('video').ele('model', { type });
}
