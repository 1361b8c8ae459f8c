import type { Instance } from '../model/instance.ts';
import { ageText, bytesText, durationText } from './quantities.ts';
import type { InstanceRow } from './rows.ts';
import { sheet, table } from './tables.ts';
import type { Terminal, Tone } from './terminal.ts';

type Paint = Pick<Terminal, 'paint'>;
/** What a list and a record both tell. */
type Line = Pick<Instance | InstanceRow, 'id' | 'name' | 'vmState' | 'taskState' | 'host' | 'createdAt'> &
  ({ readonly addresses: readonly string[] } | Pick<Instance, 'ports'>);

/** Instances, a line each. */
export function instanceTable(instances: readonly Line[], { paint }: Paint, nowMs: number = Date.now()): string {
  return table(
    ['NAME', 'ID', 'STATE', 'TASK', 'HOST', 'ADDRESSES', 'AGE'],
    instances.map((line) => [
      line.name,
      line.id,
      paint(toneOf(line.vmState), line.vmState),
      line.taskState ?? '-',
      line.host ?? '-',
      ('ports' in line ? line.ports.map(({ ip }) => ip) : line.addresses).join(', ') || '-',
      ageText(line.createdAt, nowMs),
    ]),
  );
}

/** All of an instance. */
export function instanceSheet(instance: Instance, { paint }: Paint, nowMs: number = Date.now()): string {
  const { flavor, fault, operation, recent, locked } = instance;
  const ago = (at: string | null) => (at === null ? null : `${at} (${ageText(at, nowMs)} ago)`);
  return sheet([
    ['name', instance.name],
    ['id', instance.id],
    ['state', paint(toneOf(instance.vmState), instance.vmState)],
    ['task', operation === null ? instance.taskState : `${instance.taskState ?? 'none'}, ${operation.workflowId} since ${operation.since}`],
    ['power', instance.powerState],
    ['fault', fault === null ? null : paint('bad', `${fault.type}: ${fault.message} (${fault.operation?.workflowId ?? fault.at})`)],
    ['locked', locked === null ? null : `by ${locked.by}${locked.reason === null ? '' : `: ${locked.reason}`}`],
    ['host', instance.host],
    ['zone', instance.availabilityZone],
    ['flavor', `${flavor.name}: ${flavor.vcpus} vCPU, ${flavor.memoryMiB} MiB memory, ${flavor.rootGiB} GiB root`],
    ['image', instance.image],
    ['disks', linesOf(instance.disks.map(({ target, name, format, sizeBytes }) => `${target} ${name} ${format} ${bytesText(sizeBytes)}`))],
    ['ports', linesOf(instance.ports.map(({ ip, prefix, mac, network, tap }) => `${ip}/${prefix} ${mac} on ${network}, ${tap}`))],
    ['machine', instance.machineType],
    ['cpu', instance.cpuModel],
    ['pinned to', instance.pinnedCpus?.map((cpu) => cpu ?? 'shared').join(', ') ?? null],
    ['metadata', linesOf(Object.entries(instance.metadata).map(([key, value]) => `${key}=${value}`))],
    ['owner', `user ${instance.userId}, project ${instance.projectId}`],
    ['created', ago(instance.createdAt)],
    ['launched', ago(instance.launchedAt)],
    ['deleted', ago(instance.deletedAt)],
    [
      'operations',
      linesOf(
        recent.toReversed().map(({ workflowId, startedAt, endedAt, end }) => `${workflowId} ${end}, ${tookText(startedAt, endedAt)}`),
      ),
    ],
  ]);
}

function toneOf(vmState: string): Tone {
  if (vmState === 'error') return 'bad';
  if (vmState === 'active') return 'good';
  return vmState === 'building' ? 'busy' : 'faint';
}

function tookText(startedAt: string, endedAt: string): string {
  return durationText(Date.parse(endedAt) - Date.parse(startedAt));
}

function linesOf(lines: readonly string[]): string | null {
  return lines.length === 0 ? null : lines.join('\n');
}
