import { isAnswering, libvirtdOf } from './host/libvirtd.ts';
import { describeLab, type Lab, type LabHost } from './lab-description.ts';
import type { HostProcess } from './processes.ts';
import { processesOf } from './spawn-in-host.ts';
import { readState } from './state.ts';

/** How a lab is now. */
export interface LabStatus {
  readonly lab: Lab;
  readonly phase: 'making' | 'up';
  readonly hosts: readonly HostStatus[];
}

/** How a host is now. */
export interface HostStatus {
  readonly host: LabHost;
  readonly isUp: boolean;
  /** The pid of libvirtd, or null when it is dead. */
  readonly libvirtd: number | null;
  readonly libvirtdAnswers: boolean;
  readonly processes: readonly HostProcess[];
}

/** How the lab of this name is now, or null when there is none. */
export async function status(name: string): Promise<LabStatus | null> {
  const state = await readState(name);
  if (state === null) return null;
  const lab = describeLab(state);
  return { lab, phase: state.phase, hosts: await Promise.all(lab.hosts.map(hostStatus)) };
}

async function hostStatus(host: LabHost): Promise<HostStatus> {
  const processes = await processesOf(host);
  const libvirtd = await libvirtdOf(host);
  return {
    host,
    isUp: processes.length > 0,
    libvirtd: libvirtd?.pid ?? null,
    libvirtdAnswers: libvirtd !== null && (await isAnswering(host)),
    processes,
  };
}
