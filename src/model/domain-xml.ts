import { create } from 'xmlbuilder2';
import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js';
import {
  type BootSpec,
  type CpuSpec,
  type DiskSpec,
  type DomainMetadata,
  type DomainSpec,
  hasPcie,
  type InterfaceSpec,
  METADATA_NAMESPACE,
} from './domain.ts';

/**
 * The XML that defines `spec`. Every name, number and unit is written as libvirt writes it back, so that
 * `missingFrom` compares text with text.
 * @throws an error when a value holds a character that XML cannot carry
 */
export function domainXml(spec: DomainSpec): string {
  const domain = create({ encoding: 'UTF-8' }).ele('domain', { type: spec.type });
  addIdentity(domain, spec);
  addSize(domain, spec);
  addBoot(domain, spec.machineType, spec.boot);
  domain.ele('features').ele('acpi').up().ele('apic');
  addCpu(domain, spec.cpu);
  addClock(domain);
  addReactions(domain);
  addDevices(domain.ele('devices'), spec);
  return domain.end({ headless: true, prettyPrint: true, wellFormed: true });
}

function addIdentity(domain: XMLBuilder, { uuid, name, title, metadata }: DomainSpec): void {
  addText(domain, 'name', name);
  addText(domain, 'uuid', uuid);
  addText(domain, 'title', title);
  addMetadata(domain.ele('metadata'), metadata);
}

function addMetadata(parent: XMLBuilder, metadata: DomainMetadata): void {
  const element = (under: XMLBuilder, name: string) => under.ele(METADATA_NAMESPACE, `novaflow:${name}`);
  const instance = element(parent, 'instance').att({ id: metadata.instanceId, generation: `${metadata.generation}` });
  element(instance, 'name').txt(metadata.name);
  element(instance, 'project').txt(metadata.projectId);
  element(instance, 'user').txt(metadata.userId);
  element(instance, 'flavor').txt(metadata.flavor);
  if (metadata.image !== null) element(instance, 'image').txt(metadata.image);
}

function addSize(domain: XMLBuilder, { vcpus, memoryMiB }: DomainSpec): void {
  const memoryKiB = `${memoryMiB * 1024}`;
  domain.ele('memory', { unit: 'KiB' }).txt(memoryKiB);
  domain.ele('currentMemory', { unit: 'KiB' }).txt(memoryKiB);
  domain.ele('vcpu', { placement: 'static' }).txt(`${vcpus}`);
}

function addBoot(domain: XMLBuilder, machineType: string, boot: BootSpec): void {
  const os = domain.ele('os');
  os.ele('type', { arch: 'x86_64', machine: machineType }).txt('hvm');
  if (boot.from === 'disk') {
    os.ele('boot', { dev: 'hd' });
    return;
  }
  addText(os, 'kernel', boot.kernelPath);
  if (boot.initrdPath !== null) addText(os, 'initrd', boot.initrdPath);
  if (boot.commandLine !== '') addText(os, 'cmdline', boot.commandLine);
}

function addCpu(domain: XMLBuilder, cpu: CpuSpec): void {
  if (cpu.mode === 'host-model') {
    domain.ele('cpu', { mode: 'host-model', check: 'partial' });
    return;
  }
  // No check: TCG lacks features of some models that QEMU leaves out with a warning, and the guest runs.
  domain.ele('cpu', { mode: 'custom', match: 'exact', check: 'none' }).ele('model', { fallback: 'forbid' }).txt(cpu.model);
}

/** The timers that Nova sets on x86: no HPET, ticks that were missed are delivered late rather than lost. */
function addClock(domain: XMLBuilder): void {
  const clock = domain.ele('clock', { offset: 'utc' });
  clock.ele('timer', { name: 'pit', tickpolicy: 'delay' });
  clock.ele('timer', { name: 'rtc', tickpolicy: 'catchup' });
  clock.ele('timer', { name: 'hpet', present: 'no' });
}

/** A guest that crashes is off: whoever starts it again is an operation. */
function addReactions(domain: XMLBuilder): void {
  addText(domain, 'on_poweroff', 'destroy');
  addText(domain, 'on_reboot', 'restart');
  addText(domain, 'on_crash', 'destroy');
}

function addDevices(devices: XMLBuilder, spec: DomainSpec): void {
  if (spec.emulator !== null) addText(devices, 'emulator', spec.emulator);
  for (const disk of spec.disks) addDisk(devices, disk);
  addControllers(devices, spec);
  for (const port of spec.interfaces) addInterface(devices, port);
  addSerial(devices, spec.consoleLogPath);
  if (spec.hasGuestAgent) addGuestAgent(devices);
  if (spec.vnc !== null) addScreen(devices, spec.vnc.listenAddress);
  devices.ele('memballoon', { model: 'virtio' }).ele('stats', { period: '10' });
  devices.ele('rng', { model: 'virtio' }).ele('backend', { model: 'random' }).txt('/dev/urandom');
}

function addDisk(devices: XMLBuilder, disk: DiskSpec): void {
  const element = devices.ele('disk', { type: disk.source, device: disk.device });
  element.ele('driver', { name: 'qemu', type: disk.format, cache: disk.cache });
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

function addControllers(devices: XMLBuilder, spec: DomainSpec): void {
  devices.ele('controller', { type: 'usb', model: 'none' });
  if (!hasPcie(spec.machineType)) return;
  devices.ele('controller', { type: 'pci', model: 'pcie-root' });
  for (let port = 0; port < pciePortsOf(spec); port += 1) devices.ele('controller', { type: 'pci', model: 'pcie-root-port' });
}

/** One port a virtio device, and the spare ones: ports that are named leave libvirt none to add of its own. */
function pciePortsOf({ disks, interfaces, hasGuestAgent, sparePciePorts }: DomainSpec): number {
  const balloonAndRng = 2;
  const virtioDisks = disks.filter((disk) => disk.bus === 'virtio').length;
  return virtioDisks + interfaces.length + balloonAndRng + (hasGuestAgent ? 1 : 0) + sparePciePorts;
}

function addInterface(devices: XMLBuilder, { mac, bridge, tap, mtu, filter }: InterfaceSpec): void {
  const element = devices.ele('interface', { type: 'bridge' });
  element.ele('mac', { address: mac });
  element.ele('source', { bridge });
  element.ele('target', { dev: tap });
  element.ele('model', { type: 'virtio' });
  if (filter !== null) {
    const reference = element.ele('filterref', { filter: filter.name });
    if (filter.ip !== null) reference.ele('parameter', { name: 'IP', value: filter.ip });
  }
  if (mtu !== null) element.ele('mtu', { size: `${mtu}` });
}

/** A terminal that can be opened, and a log of all it ever printed. */
function addSerial(devices: XMLBuilder, logPath: string): void {
  const serial = devices.ele('serial', { type: 'pty' });
  serial.ele('log', { file: logPath, append: 'on' });
  serial.ele('target', { type: 'isa-serial', port: '0' });
}

function addGuestAgent(devices: XMLBuilder): void {
  devices.ele('channel', { type: 'unix' }).ele('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' });
}

function addScreen(devices: XMLBuilder, listenAddress: string): void {
  devices.ele('graphics', { type: 'vnc', port: '-1', autoport: 'yes', listen: listenAddress });
  devices.ele('video').ele('model', { type: 'vga' });
}

function addText(parent: XMLBuilder, name: string, text: string): void {
  parent.ele(name).txt(text);
}
