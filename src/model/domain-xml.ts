import { create } from 'xmlbuilder2';
import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js';
import { cpuSetsOf } from './cpus/placement.ts';
import { type CpuSpec, type DomainMetadata, type DomainSpec, type FirmwareSpec, METADATA_NAMESPACE } from './domain.ts';
import { addDevices } from './domain-devices.ts';

/**
 * The XML that defines `spec`. Every name, number and unit is written as libvirt writes it back, so that
 * `missingFrom` compares text with text.
 * @throws an error when a value holds a character that XML cannot carry
 */
export function domainXml(spec: DomainSpec): string {
  const domain = create({ encoding: 'UTF-8' }).ele('domain', { type: spec.type });
  addIdentity(domain, spec);
  addSize(domain, spec);
  addBoot(domain, spec);
  domain.ele('features').ele('acpi').up().ele('apic');
  addCpu(domain, spec);
  addClock(domain, spec.clock);
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

function addSize(domain: XMLBuilder, { vcpus, memoryMiB, cpus }: DomainSpec): void {
  const memoryKiB = `${memoryMiB * 1024}`;
  domain.ele('memory', { unit: 'KiB' }).txt(memoryKiB);
  domain.ele('currentMemory', { unit: 'KiB' }).txt(memoryKiB);
  const sets = cpus === null ? null : cpuSetsOf(cpus);
  domain.ele('vcpu', { placement: 'static', ...(sets === null ? {} : { cpuset: sets.all }) }).txt(`${vcpus}`);
  if (sets === null || sets.perVcpu.length === 0) return;
  const cputune = domain.ele('cputune');
  for (const [vcpu, cpuset] of sets.perVcpu.entries()) cputune.ele('vcpupin', { vcpu: `${vcpu}`, cpuset });
  cputune.ele('emulatorpin', { cpuset: sets.all });
}

function addBoot(domain: XMLBuilder, { machineType, boot, firmware, hasBootMenu }: DomainSpec): void {
  const os = domain.ele('os');
  os.ele('type', { arch: 'x86_64', machine: machineType }).txt('hvm');
  if (firmware !== null) addFirmware(os, firmware);
  if (boot.from === 'disk') {
    os.ele('boot', { dev: 'hd' });
  } else {
    addText(os, 'kernel', boot.kernelPath);
    if (boot.initrdPath !== null) addText(os, 'initrd', boot.initrdPath);
    if (boot.commandLine !== '') addText(os, 'cmdline', boot.commandLine);
  }
  if (hasBootMenu) os.ele('bootmenu', { enable: 'yes' });
}

function addFirmware(os: XMLBuilder, { codePath, variablesPath, templatePath }: FirmwareSpec): void {
  os.ele('loader', { readonly: 'yes', type: 'pflash' }).txt(codePath);
  os.ele('nvram', { template: templatePath }).txt(variablesPath);
}

function addCpu(domain: XMLBuilder, { cpu, topology }: DomainSpec): void {
  const element = domain.ele('cpu', cpuAttributes(cpu));
  if (cpu.mode === 'custom') element.ele('model', { fallback: 'forbid' }).txt(cpu.model);
  if (topology === null) return;
  const { sockets, cores, threads } = topology;
  element.ele('topology', { sockets: `${sockets}`, cores: `${cores}`, threads: `${threads}` });
}

function cpuAttributes({ mode }: CpuSpec): Record<string, string> {
  if (mode === 'host-model') return { mode, check: 'partial' };
  // No check: TCG lacks features of some models that QEMU leaves out with a warning, and the guest runs.
  return { mode, match: 'exact', check: 'none' };
}

/** The timers that Nova sets on x86: no HPET, ticks that were missed are delivered late rather than lost. */
function addClock(domain: XMLBuilder, offset: DomainSpec['clock']): void {
  const clock = domain.ele('clock', { offset });
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

function addText(parent: XMLBuilder, name: string, text: string): void {
  parent.ele(name).txt(text);
}
