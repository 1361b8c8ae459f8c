import type { XmlElement } from '@rgrove/parse-xml';
import type { Libvirt } from '../libvirt/index.ts';
import { antiSpoofingXml } from '../model/anti-spoofing.ts';
import type { CpuSpec } from '../model/domain.ts';
import type { Inventory } from '../model/host.ts';
import { childrenOf, descendantsOf, rootOf } from '../model/xml-tree.ts';
import { kvmProblem } from './kvm.ts';
import { fail } from './record-client.ts';

/** What a guest on this host is made with. */
export interface Choice {
  readonly type: 'kvm' | 'qemu';
  readonly machineType: string;
  readonly cpu: CpuSpec;
  readonly cpuModel: string;
}

export interface Capabilities {
  /** The choice for a new guest; asked of libvirt once, which then has our network filter too. */
  readonly choose: () => Promise<Choice>;
  /** What the inventory says of processor and hypervisor. */
  readonly describe: () => Promise<
    Pick<Inventory, 'architecture' | 'cpuModel' | 'cpuFeatures' | 'hypervisor' | 'hypervisorVersion' | 'libvirtVersion' | 'numa'>
  >;
}

const machine = 'q35';
const arch = 'x86_64';
/** What QEMU emulates where there is no KVM. */
const emulatedCpu = 'qemu64';

export function capabilitiesOf(libvirt: Libvirt): Capabilities {
  let chosen: Promise<Choice> | null = null;
  return {
    choose: () => {
      chosen ??= choose(libvirt).catch((error: unknown) => {
        chosen = null;
        throw error;
      });
      return chosen;
    },
    describe: () => describe(libvirt),
  };
}

async function choose(libvirt: Libvirt): Promise<Choice> {
  await libvirt.nwfilterDefineXml({ xml: antiSpoofingXml });
  const type = await hypervisorOf(await libvirt.connectGetCapabilities({}));
  const xml = await libvirt.connectGetDomainCapabilities({ arch, machine, virtType: type });
  const root = rootOf(xml);
  const machineType = textsOf(root, 'machine')[0];
  if (machineType === undefined) throw fail('DomainDefinitionRejected', `libvirt has no machine ${machine}`);
  if (type === 'qemu') return { type, machineType, cpu: { mode: 'custom', model: emulatedCpu }, cpuModel: emulatedCpu };
  const hostModel = descendantsOf(root, 'mode').find(({ attributes }) => attributes['name'] === 'host-model');
  return { type, machineType, cpu: { mode: 'host-model' }, cpuModel: (hostModel && textsOf(hostModel, 'model')[0]) ?? 'host-model' };
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
