import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { literal } from '../../model/list-query.ts';
import type { Candidate } from '../../scheduler/candidate.ts';
import type { Filter, RecordKind, Rows } from '../cloud.ts';
import { operationNames } from '../operations.ts';

type Info = WorkflowExecutionInfo;

const readers = {
  instance: (info) => ({
    id: idIn(info),
    name: text(info, 'ObjectName') ?? '',
    vmState: text(info, 'VmState') ?? '',
    taskState: text(info, 'TaskState'),
    powerState: text(info, 'PowerState') ?? '',
    host: text(info, 'ComputeHost'),
    flavor: memo<string>(info, 'flavor') ?? '',
    image: memo<string>(info, 'image'),
    addresses: memo<readonly string[]>(info, 'addresses') ?? [],
    fault: memo<string>(info, 'fault'),
    userId: memo<string>(info, 'userId') ?? '',
    projectId: text(info, 'ProjectId') ?? '',
    createdAt: memo<string>(info, 'createdAt') ?? info.startTime.toISOString(),
  }),
  host: (info) => memo<Candidate>(info, 'candidate'),
  image: (info) => ({
    id: idIn(info),
    name: text(info, 'ObjectName') ?? '',
    status: text(info, 'ObjectState') ?? '',
    diskFormat: memo<string>(info, 'diskFormat') ?? '',
    sizeBytes: memo<number>(info, 'sizeBytes'),
    createdAt: memo<string>(info, 'createdAt') ?? info.startTime.toISOString(),
  }),
  network: (info) => ({
    name: text(info, 'ObjectName') ?? idIn(info),
    cidr: memo<string>(info, 'cidr') ?? '',
    bridge: memo<string>(info, 'bridge') ?? '',
    isDefault: (attribute<readonly string[]>(info, 'Tags') ?? []).includes('default'),
    ports: memo<number>(info, 'ports') ?? 0,
  }),
  operation: (info) => ({
    id: info.workflowId,
    type: info.type,
    status: info.status.name.toLowerCase(),
    instanceId: text(info, 'InstanceId'),
    attention: text(info, 'Attention'),
    startedAt: info.startTime.toISOString(),
    endedAt: info.closeTime?.toISOString() ?? null,
  }),
} as const satisfies { [Kind in keyof Rows]: (info: Info) => Rows[Kind] | null };

/** Everything of a kind that matches, as lists show it: records by name, operations as Temporal lists them: those that run, then the last that ended. */
export async function listed<Kind extends keyof Rows>(client: Client, kind: Kind, filter: Filter): Promise<readonly Rows[Kind][]> {
  const read = readers[kind] as (info: Info) => Rows[Kind] | null;
  const rows: Rows[Kind][] = [];
  for await (const info of client.workflow.list({ query: listQuery(kind, filter) })) {
    const row = read(info);
    if (row !== null) rows.push(row);
    if (rows.length === filter.limit) break;
  }
  return kind === 'operation' ? rows : rows.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)));
}

/** The ids of the records of a kind that are there, or were deleted, and have this name. */
export async function idsNamed(
  client: Client,
  kind: RecordKind,
  name: string,
  among: Pick<Filter, 'projectId' | 'isDeleted'>,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const info of client.workflow.list({ query: listQuery(kind, { name, ...among }) })) ids.push(idIn(info));
  return ids.toSorted();
}

/** The query of Temporal's visibility for a list; it knows neither ORDER BY nor LIKE. */
export function listQuery(kind: keyof Rows, filter: Filter): string {
  const { name, host, vmState, objectState, instanceId, projectId, isDeleted = false, isRunning = false, isParked = false } = filter;
  const types = kind === 'operation' ? operationNames.map(literal).join(', ') : literal(kind);
  const equal = {
    ObjectName: name,
    ComputeHost: host,
    VmState: vmState,
    ObjectState: objectState,
    InstanceId: instanceId,
    ProjectId: projectId,
  };
  return [
    `WorkflowType IN (${types})`,
    ...(kind === 'operation' ? (isRunning || isParked ? [isOpen] : []) : kind === 'instance' ? existence(isDeleted) : [isOpen]),
    ...Object.entries(equal).flatMap(([attribute, value]) => (value === undefined ? [] : [`${attribute} = ${literal(value)}`])),
    ...(isParked ? ['Attention IS NOT NULL'] : []),
  ].join(' AND ');
}

const isOpen = "ExecutionStatus = 'Running'";

/** The record of a deleted instance stays open until its last notifications are sent. */
function existence(isDeleted: boolean): readonly string[] {
  return isDeleted ? ["ExecutionStatus IN ('Running', 'Completed')", "VmState = 'deleted'"] : [isOpen, "VmState != 'deleted'"];
}

function idIn({ workflowId }: Info): string {
  return workflowId.slice(workflowId.indexOf('/') + 1);
}

function nameOf(row: Rows[keyof Rows]): string {
  return 'name' in row ? row.name : 'host' in row ? (row.host ?? '') : '';
}

function text(info: Info, name: string): string | null {
  return attribute<string>(info, name);
}

function attribute<Value>({ typedSearchAttributes }: Info, name: string): Value | null {
  const found = typedSearchAttributes.getAll().find(({ key }) => key.name === name);
  return (found?.value ?? null) as Value | null;
}

function memo<Value>(info: Info, name: string): Value | null {
  return (info.memo?.[name] ?? null) as Value | null;
}
