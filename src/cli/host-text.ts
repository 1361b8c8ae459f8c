import { cpuSetOf } from '../model/cpus/cpu-set.ts';
import { cpusOf } from '../model/cpus/guest-cpus.ts';
import { type Claim, dedicatedCpusOf, type Host } from '../model/host.ts';
import type { HostAudit } from '../schema/results.ts';
import { ageText, bytesText } from './quantities.ts';
import type { HostRow } from './rows.ts';
import { sheet, table } from './tables.ts';
import type { Terminal } from './terminal.ts';

type Paint = Pick<Terminal, 'paint'>;

/** Hosts, a line each. */
export function hostTable(hosts: readonly HostRow[], paint: Paint): string {
  return table(
    ['NAME', 'STATE', 'FREE VCPUS', 'FREE MEMORY', 'FREE DISK', 'ZONE', 'REASON'],
    hosts.map(({ host, free, capacity, availabilityZone, ...state }) => [
      host,
      stateText(state, paint),
      `${free.vcpus} of ${capacity.vcpus}`,
      `${free.memoryMiB} of ${capacity.memoryMiB} MiB`,
      `${free.diskGiB} of ${capacity.diskGiB} GiB`,
      availabilityZone ?? '-',
      (state.state === 'down' ? state.downReason : state.disabledReason) ?? '-',
    ]),
  );
}

/** All of a host. */
export function hostSheet(host: Host, paint: Paint, nowMs: number = Date.now()): string {
  const { inventory, used, free, reserved, claims, debts } = host;
  const { guestCpus } = inventory;
  const dedicated = dedicatedCpusOf(host);
  const taken = dedicated.total - cpusOf(dedicated.free).length;
  const amounts = (name: 'vcpus' | 'memoryMiB' | 'diskGiB', unit: string) =>
    `${inventory[name]} ${unit}, ${reserved[name]} reserved, ${used[name]} claimed, ${free[name]} free`;
  return sheet([
    ['name', host.name],
    ['state', `${stateText(host, paint)} for ${ageText(host.stateSince, nowMs)}`],
    ['down', host.state === 'down' ? host.downReason : null],
    ['disabled', host.enabled ? null : (host.disabledReason ?? 'without a reason')],
    ['address', host.address],
    ['zone', host.availabilityZone],
    ['vcpus', amounts('vcpus', 'vCPUs')],
    [
      'dedicated cpus',
      dedicated.total === 0 ? null : `${cpuSetOf(cpusOf(guestCpus?.dedicated ?? []))}, ${taken} of ${dedicated.total} claimed`,
    ],
    ['shared cpus', guestCpus === undefined ? null : cpuSetOf(guestCpus.shared) || 'none'],
    ['memory', amounts('memoryMiB', 'MiB')],
    ['disk', amounts('diskGiB', 'GiB')],
    ['cpu', `${inventory.cpuModel}, ${inventory.architecture}`],
    ['hypervisor', `${inventory.hypervisor} ${inventory.hypervisorVersion}, libvirt ${inventory.libvirtVersion}`],
    ['claims', linesOf(claims.map(claimText))],
    ['failed builds', host.failedBuilds === 0 ? null : `${host.failedBuilds} since the last that did not`],
    ['metrics', linesOf(Object.entries(host.metrics).map(([name, value]) => `${name}: ${value}`))],
    ['debts', linesOf(debts.map(({ instanceId, what, since }) => `${instanceId}: ${what} since ${since}`))],
    ['reported', `${ageText(host.reportedAt, nowMs)} ago`],
  ]);
}

function claimText({ instanceId, vcpus, cpus, memoryMiB, diskGiB }: Claim): string {
  return `${instanceId}: ${vcpus} vCPU${cpus === undefined ? '' : ` on ${cpuSetOf(cpus.pinned)}`}, ${memoryMiB} MiB, ${diskGiB} GiB`;
}

/** What an audit found, a line each, below the room on the disk. */
export function auditText({ host, disk, differences, healed }: HostAudit): string {
  const { freeBytes, overCommittedBytes, availableLeastBytes } = disk;
  const least = `${availableLeastBytes < 0 ? '-' : ''}${bytesText(Math.abs(availableLeastBytes))}`;
  const room = `disk: ${bytesText(freeBytes)} free, disks may grow by ${bytesText(overCommittedBytes)}, which leaves ${least}`;
  const rows = [
    ...differences.map(({ kind, what, likelyCause }) => [kind, what, likelyCause, '-']),
    ...healed.map(({ kind, what, likelyCause }) => [kind, what, likelyCause, 'given back']),
  ];
  return `${room}\n${rows.length === 0 ? `${host} is as its record says` : table(['KIND', 'WHAT', 'LIKELY CAUSE', 'HEALED'], rows)}`;
}

function stateText({ state, enabled }: { readonly state: 'up' | 'down'; readonly enabled: boolean }, { paint }: Paint): string {
  const shown = paint(state === 'up' ? 'good' : 'bad', state);
  return enabled ? shown : `${shown}, ${paint('busy', 'disabled')}`;
}

function linesOf(lines: readonly string[]): string | null {
  return lines.length === 0 ? null : lines.join('\n');
}
