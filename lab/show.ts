import type { HostStatus, LabStatus } from './status.ts';

/** A lab's status in lines for people. */
export function showLab({ lab, phase, hosts }: LabStatus): string {
  const heading = `lab ${lab.name}${phase === 'up' ? '' : ' (half made)'}: hosts on ${lab.managementCidr}, guests on ${lab.providerCidr}`;
  return [heading, ...hosts.flatMap(showHost)].join('\n');
}

function showHost({ host, isUp, libvirtd, libvirtdAnswers, processes }: HostStatus): string[] {
  const answer = libvirtdAnswers ? 'answers' : 'does not answer';
  const state = isUp ? `libvirtd ${libvirtd === null ? 'is dead' : `${libvirtd} ${answer}`}` : 'down';
  const others = processes.filter(({ role }) => !['init', 'sleep', 'libvirtd'].includes(role));
  return [
    `  ${host.name}  ${host.address}  QEMU as ${host.qemuUser}  ${state}`,
    `    virsh -c '${host.libvirtUri}'`,
    ...others.map(({ pid, role }) => `    ${role} ${pid}`),
  ];
}
