import { join } from 'node:path';
import { instancesDirOf } from './instances-disk.ts';
import { dataDirOf, hostDirOf, netnsOf } from './names.ts';
import { type HostState, type LabState, readState } from './state.ts';
import { providerBridge } from './wires.ts';

/** A lab: compute hosts on two networks of their own. */
export interface Lab {
  readonly name: string;
  readonly hosts: readonly LabHost[];
  /** The network between hosts, such as `10.77.4.0/24`. */
  readonly managementCidr: string;
  /** The machine's own address on the management network: forwarders listen here. */
  readonly gateway: string;
  /** The network of the guests; its first address is the machine's. */
  readonly providerCidr: string;
  /** The machine's own address among the guests. */
  readonly providerGateway: string;
  /** The bridge inside every host that guests are plugged into. */
  readonly providerBridge: string;
  /** A directory that has the same path and content on the machine and in every host. */
  readonly sharedDir: string;
  readonly instancesAreShared: boolean;
}

/** A compute host of a lab. Paths are those of the machine unless they say otherwise. */
export interface LabHost {
  readonly lab: string;
  /** `cn1`, `cn2`… which is its hostname too. */
  readonly name: string;
  /** Its address on the management network. */
  readonly address: string;
  /** libvirt's `host_uuid`, kept over restarts. */
  readonly uuid: string;
  readonly netns: string;
  /** What is `/run` inside the host. */
  readonly runDir: string;
  /** What is `/run/libvirt/libvirt-sock` inside the host. */
  readonly libvirtSocket: string;
  /** For `virsh -c` on the machine. */
  readonly libvirtUri: string;
  /** For `virsh -c` on the machine and in other hosts; no authentication. */
  readonly libvirtTcpUri: string;
  /** What is `/var/lib/nova/instances` inside the host. */
  readonly instancesDir: string;
  readonly bridge: string;
  readonly qemuUser: 'root' | 'libvirt-qemu';
}

/** Describes a lab from what is written about it. */
export function describeLab(state: LabState): Lab {
  return {
    name: state.name,
    hosts: state.hosts.map((host) => describeHost(state, host)),
    managementCidr: state.managementCidr,
    gateway: state.gateway,
    providerCidr: state.providerCidr,
    providerGateway: state.providerGateway,
    providerBridge,
    sharedDir: sharedDirOf(state.name),
    instancesAreShared: state.shared,
  };
}

/** Describes one host from what is written about its lab. */
export function describeHost(state: LabState, host: HostState): LabHost {
  const runDir = join(hostDirOf(state.name, host.name), 'run');
  const libvirtSocket = join(runDir, 'libvirt', 'libvirt-sock');
  return {
    lab: state.name,
    ...host,
    netns: netnsOf(state.name, host.name),
    runDir,
    libvirtSocket,
    libvirtUri: `qemu+unix:///system?socket=${libvirtSocket}`,
    libvirtTcpUri: `qemu+tcp://${host.address}/system`,
    instancesDir: instancesDirOf(state, host.name),
    bridge: providerBridge,
  };
}

/** The lab of this name, whoever brought it up, or null. */
export async function findLab(name: string): Promise<Lab | null> {
  const state = await readState(name);
  return state?.phase === 'up' ? describeLab(state) : null;
}

/** What is written about a host and its lab; raises an error when the lab has gone. */
export async function stateOfHost(host: LabHost): Promise<{ readonly lab: LabState; readonly host: HostState }> {
  const lab = await readState(host.lab);
  const state = lab?.hosts.find(({ name }) => name === host.name);
  if (lab === null || state === undefined) throw new Error(`there is no host ${host.name} in a lab ${host.lab}`);
  return { lab, host: state };
}

/** The directory that a lab's hosts share with the machine. */
export function sharedDirOf(lab: string): string {
  return join(dataDirOf(lab), 'shared');
}
