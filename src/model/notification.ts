import type { ActionPart, ActionPhase } from './action-events.ts';
import type { Flavor } from './flavor.ts';
import type { Instance, Port } from './instance.ts';

/** Which changes of an instance's states are reported (Nova's `notify_on_state_change`). */
export const stateReports = ['none', 'vm_state', 'vm_and_task_state'] as const;
export type StateReport = (typeof stateReports)[number];

/** Where notifications go. */
export const sinkNames = ['log', 'webhook', 'nats'] as const;
export type SinkName = (typeof sinkNames)[number];

/** What a record is to tell, and to whom: decided by the configuration of the worker whose message changed it. */
export interface NotificationPolicy {
  readonly stateReport: StateReport;
  readonly sinks: readonly SinkName[];
  /** Whether the stages of an operation are told. Absent: a worker of before 0.2, whose records tell its start and its end. */
  readonly tellsStages?: true;
}

/** What a notification says of its instance: nothing a tenant may keep secrets in, such as metadata, keys and user data. */
export type NotifiedInstance = Pick<
  Instance,
  | 'id'
  | 'name'
  | 'projectId'
  | 'userId'
  | 'vmState'
  | 'taskState'
  | 'powerState'
  | 'host'
  | 'availabilityZone'
  | 'image'
  | 'generation'
  | 'createdAt'
  | 'launchedAt'
  | 'deletedAt'
> & {
  readonly flavor: Omit<Flavor, 'extraSpecs'>;
  readonly ports: readonly Pick<Port, 'network' | 'mac' | 'ip'>[];
};

/** The operation that a notification is about: what was asked, by whom. */
export interface NotifiedOperation extends ActionPart {
  readonly workflowId: string;
  readonly runId: string;
  readonly userId: string;
  /** Null in notifications of operations that began before requests had ids. */
  readonly requestId: string | null;
  readonly startedAt: string;
}

/** What happened to an instance, as its record keeps it until every sink has it. */
export interface Notification {
  /** Grows by one with each notification of an instance, through all its runs. */
  readonly sequence: number;
  readonly at: string;
  readonly phase: ActionPhase | 'update';
  readonly operation: NotifiedOperation | null;
  readonly instance: NotifiedInstance;
  /** Of an update: the states before it. */
  readonly old: { readonly vmState: Instance['vmState'] | null; readonly taskState: Instance['taskState'] } | null;
  /** Of an error. */
  readonly failure: { readonly type: string; readonly message: string } | null;
  /** Of an update: how many earlier ones are part of it, since they were not sent in time. */
  readonly merged: number;
}

/** The instance as notifications show it. */
export function notifiedInstance(instance: Instance): NotifiedInstance {
  const { id, name, projectId, userId, vmState, taskState, powerState, host, availabilityZone, image, generation } = instance;
  const { createdAt, launchedAt, deletedAt, ports } = instance;
  const { extraSpecs: _noneOfTheirs, ...flavor } = instance.flavor;
  return {
    ...{ id, name, projectId, userId, vmState, taskState, powerState, host, availabilityZone, image, generation },
    ...{ createdAt, launchedAt, deletedAt, flavor },
    ports: ports.map(({ network, mac, ip }) => ({ network, mac, ip })),
  };
}
