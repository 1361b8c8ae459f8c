import { create } from 'xmlbuilder2';
import type { Libvirt } from '../libvirt/index.ts';
import { antiSpoofingXml } from '../model/anti-spoofing.ts';
import type { CpuSpec } from '../model/domain.ts';
import type { Inventory } from '../model/host.ts';
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
  const root = create(xml).root();
  const machineType = textsOf(root, 'machine')[0];
  if (machineType === undefined) throw fail('DomainDefinitionRejected', `libvirt has no machine ${machine}`);
  if (type === 'qemu') return { type, machineType, cpu: { mode: 'custom', model: emulatedCpu }, cpuModel: emulatedCpu };
  const hostModel = root.find(({ node }) => attributeOf(node, 'name') === 'host-model', false, true);
  return { type, machineType, cpu: { mode: 'host-model' }, cpuModel: (hostModel && textsOf(hostModel, 'model')[0]) ?? 'host-model' };
}

async function hypervisorOf(capabilities: string): Promise<'kvm' | 'qemu'> {
  const isOffered = create(capabilities)
    .root()
    .some(({ node }) => node.nodeName === 'domain' && attributeOf(node, 'type') === 'kvm', false, true);
  return isOffered && (await kvmProblem()) === null ? 'kvm' : 'qemu';
}

async function describe(libvirt: Libvirt): ReturnType<Capabilities['describe']> {
  const [xml, hypervisorVersion, libvirtVersion] = await Promise.all([
    libvirt.connectGetCapabilities({}),
    libvirt.connectGetVersion({}),
    libvirt.connectGetLibVersion({}),
  ]);
  const host = create(xml).root().first();
  return {
    architecture: textsOf(host, 'arch')[0] ?? 'unknown',
    cpuModel: textsOf(host, 'model')[0] ?? 'unknown',
    cpuFeatures: host.filter(({ node }) => node.nodeName === 'feature', false, true).flatMap(({ node }) => attributeOf(node, 'name') ?? []),
    hypervisor: await hypervisorOf(xml),
    hypervisorVersion: versionOf(hypervisorVersion),
    libvirtVersion: versionOf(libvirtVersion),
    numa: host.filter(({ node }) => node.nodeName === 'cell', false, true).map(cellOf),
  };
}

type Node = ReturnType<ReturnType<typeof create>['root']>;

function cellOf(cell: Node): Inventory['numa'][number] {
  return {
    cell: Number(attributeOf(cell.node, 'id')),
    memoryMiB: Math.floor(Number(textsOf(cell, 'memory')[0] ?? 0) / 1024),
    cpus: cell.filter(({ node }) => node.nodeName === 'cpu', false, true).map(({ node }) => Number(attributeOf(node, 'id'))),
  };
}

function textsOf(node: Node, name: string): readonly string[] {
  return node.filter(({ node: found }) => found.nodeName === name, false, true).map(({ node: found }) => found.textContent ?? '');
}

function attributeOf(node: Node['node'], name: string): string | null {
  return 'getAttribute' in node && typeof node.getAttribute === 'function' ? node.getAttribute(name) : null;
}

/** libvirt writes versions as major × 1,000,000 + minor × 1,000 + release. */
function versionOf(version: bigint): string {
  return `${version / 1_000_000n}.${(version / 1_000n) % 1_000n}.${version % 1_000n}`;
}
