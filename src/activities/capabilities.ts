import type { XmlElement } from '@rgrove/parse-xml';
import { ErrorCode, isLibvirtError, type Libvirt } from '../libvirt/index.ts';
import { antiSpoofingXml } from '../model/anti-spoofing.ts';
import type { CpuSpec } from '../model/domain.ts';
import { type Hardware, plainHardware } from '../model/hardware/hardware.ts';
import type { Inventory } from '../model/host.ts';
import { childrenOf, descendantsOf, rootOf } from '../model/xml-tree.ts';
import { type UefiFiles, uefiFor } from '../qemu/firmware.ts';
import { kvmProblem } from './kvm.ts';
import { type Offers, offersIn, requireOffered } from './offers.ts';
import { fail } from './record-client.ts';

/** What a guest on this host is made with. */
export interface Choice {
  readonly type: 'kvm' | 'qemu';
  readonly machineType: string;
  readonly cpu: CpuSpec;
  readonly cpuModel: string;
  /** Null for a guest that starts by BIOS. */
  readonly uefi: UefiFiles | null;
}

export interface Capabilities {
  /**
   * The choice for a new guest; asked of libvirt once a machine type, and libvirt then has our network filter too.
   * Raises `ImageUnusableHere`, naming the property, when this host lacks what the guest's image asks for.
   */
  readonly choose: (hardware?: Hardware) => Promise<Choice>;
  /** What the inventory says of processor and hypervisor. */
  readonly describe: () => Promise<
    Pick<Inventory, 'architecture' | 'cpuModel' | 'cpuFeatures' | 'hypervisor' | 'hypervisorVersion' | 'libvirtVersion' | 'numa'>
  >;
}

const defaultMachine = 'q35';
const arch = 'x86_64';
/** What QEMU emulates where there is no KVM. */
const emulatedCpu = 'qemu64';

/** What one machine type of this host has. */
interface Machine {
  readonly choice: Omit<Choice, 'uefi'>;
  readonly offers: Offers;
}

export function capabilitiesOf(libvirt: Libvirt): Capabilities {
  const machines = new Map<string, Promise<Machine>>();

  return {
    choose: async (hardware = plainHardware) => {
      const { choice, offers } = await machineNamed(hardware.machineType ?? defaultMachine);
      requireOffered(hardware, offers, choice.machineType);
      return { ...choice, uefi: hardware.firmware === 'uefi' ? await requireUefi(choice.machineType) : null };
    },
    describe: () => describe(libvirt),
  };

  function machineNamed(name: string): Promise<Machine> {
    const known = machines.get(name);
    if (known !== undefined) return known;
    const asked = askFor(libvirt, name).catch((error: unknown) => {
      machines.delete(name);
      throw error;
    });
    machines.set(name, asked);
    return asked;
  }
}

async function askFor(libvirt: Libvirt, machine: string): Promise<Machine> {
  await libvirt.nwfilterDefineXml({ xml: antiSpoofingXml });
  const type = await hypervisorOf(await libvirt.connectGetCapabilities({}));
  const root = rootOf(await domainCapabilities(libvirt, machine, type));
  const machineType = textsOf(root, 'machine')[0];
  if (machineType === undefined) throw fail('DomainDefinitionRejected', `libvirt has no machine ${machine}`);
  const offers = offersIn(root);
  if (type === 'qemu') return { choice: { type, machineType, cpu: { mode: 'custom', model: emulatedCpu }, cpuModel: emulatedCpu }, offers };
  const hostModel = descendantsOf(root, 'mode').find(({ attributes }) => attributes['name'] === 'host-model');
  const cpuModel = (hostModel && textsOf(hostModel, 'model')[0]) ?? 'host-model';
  return { choice: { type, machineType, cpu: { mode: 'host-model' }, cpuModel }, offers };
}

async function requireUefi(machineType: string): Promise<UefiFiles> {
  const files = await uefiFor(machineType);
  if (files !== null) return files;
  throw fail('ImageUnusableHere', `this host has no UEFI firmware for ${machineType} (hw_firmware_type): install the package ovmf`);
}

async function domainCapabilities(libvirt: Libvirt, machine: string, virtType: string): Promise<string> {
  try {
    return await libvirt.connectGetDomainCapabilities({ arch, machine, virtType });
  } catch (error) {
    if (!isLibvirtError(error, ErrorCode.invalidArg)) throw error;
    throw fail('ImageUnusableHere', `this host has no machine ${machine} (hw_machine_type): ${error.message}`);
  }
}

async function hypervisorOf(capabilities: string): Promise<'kvm' | 'qemu'> {
  const isOffered = descendantsOf(rootOf(capabilities), 'domain').some(({ attributes }) => attributes['type'] === 'kvm');
  return isOffered && (await kvmProblem()) === null ? 'kvm' : 'qemu';
}

async function describe(libvirt: Libvirt): ReturnType<Capabilities['describe']> {
  const [xml, hypervisorVersion, libvirtVersion] = await Promise.all([
    libvirt.connectGetCapabilities({}),
    libvirt.connectGetVersion({}),
    libvirt.connectGetLibVersion({}),
  ]);
  const [host] = childrenOf(rootOf(xml));
  if (host === undefined) throw new TypeError('the capabilities that libvirt gave name no host');
  return {
    architecture: textsOf(host, 'arch')[0] ?? 'unknown',
    cpuModel: textsOf(host, 'model')[0] ?? 'unknown',
    cpuFeatures: descendantsOf(host, 'feature').flatMap(({ attributes }) => attributes['name'] ?? []),
    hypervisor: await hypervisorOf(xml),
    hypervisorVersion: versionOf(hypervisorVersion),
    libvirtVersion: versionOf(libvirtVersion),
    numa: descendantsOf(host, 'cell').map(cellOf),
  };
}

function cellOf(cell: XmlElement): Inventory['numa'][number] {
  return {
    cell: Number(cell.attributes['id']),
    memoryMiB: Math.floor(Number(textsOf(cell, 'memory')[0] ?? 0) / 1024),
    cpus: descendantsOf(cell, 'cpu').map(({ attributes }) => Number(attributes['id'])),
  };
}

function textsOf(element: XmlElement, name: string): readonly string[] {
  return descendantsOf(element, name).map(({ text }) => text);
}

/** libvirt writes versions as major × 1,000,000 + minor × 1,000 + release. */
function versionOf(version: bigint): string {
  return `${version / 1_000_000n}.${(version / 1_000n) % 1_000n}.${version % 1_000n}`;
}
