import type { Instance, TaskState, VmState } from './instance.ts';
import { taskStates as allTaskStates, vmStates as allVmStates } from './instance.ts';
import type { Refused } from './refused.ts';

/** What an action asks of an instance and what it leads to. A row says all of it: nothing else decides whether an action may begin. */
export interface Transition {
  /** The states it may begin in. */
  readonly vmStates: readonly VmState[];
  /** What may be under way as it begins: null is nothing; what has any other of these is asked to cancel and taken over. */
  readonly taskStates: readonly (TaskState | null)[];
  /** The task state that it begins with; null shows nothing. */
  readonly sets: TaskState | null;
  /** The state that it leads to; null leaves it as it was. */
  readonly leadsTo: VmState | null;
  /** Whether it is refused to others than administrators while the instance is locked. */
  readonly respectsLock: boolean;
  /** Whether the instance has to be on a host, its guest launched once. */
  readonly needsGuest: boolean;
  /** `start`, and what an instance then is: `started`. For sentences. */
  readonly verb: readonly [imperative: string, participle: string];
}

const idle = [null] as const;

/** The state machine of an instance (the decorators of `nova/compute/api.py`), by operation. */
export const transitions = {
  startInstance: {
    vmStates: ['stopped'],
    taskStates: idle,
    sets: 'powering-on',
    leadsTo: 'active',
    respectsLock: true,
    needsGuest: true,
    verb: ['start', 'started'],
  },
  stopInstance: {
    vmStates: ['active', 'error'],
    taskStates: idle,
    sets: 'powering-off',
    leadsTo: 'stopped',
    respectsLock: true,
    needsGuest: true,
    verb: ['stop', 'stopped'],
  },
  deleteInstance: {
    vmStates: allVmStates,
    taskStates: [null, ...allTaskStates.filter((state) => state !== 'deleting')],
    sets: 'deleting',
    leadsTo: 'deleted',
    respectsLock: true,
    needsGuest: false,
    verb: ['delete', 'deleted'],
  },
} as const satisfies Record<string, Transition>;

/** A row of the table. */
export type Action = keyof typeof transitions;

/** What is the way to another state, in the order in which it is proposed. */
const waysOut: readonly Action[] = ['startInstance'];

/** Why `action` may not begin in the state that the instance rests in, or null. */
export function refusalInState(action: Action, { name, vmState, taskState, host, launchedAt }: Instance): Refused | null {
  const row: Transition = transitions[action];
  const refuse = (help: string): Refused => ({
    type: 'InvalidState',
    message: `instance ${name} is ${inWords(vmState)}: ${help}`,
    details: { vmState, taskState },
  });
  if (!row.vmStates.includes(vmState)) return refuse(wayTo(row, vmState));
  return row.needsGuest && (host === null || launchedAt === null) ? refuse('it was never launched, delete it') : null;
}

/** Why a lock keeps `action` from whoever asks, or null. */
export function refusalByLock(action: Action, { name, locked }: Instance, isAdmin: boolean): Refused | null {
  if (locked === null || isAdmin || !transitions[action].respectsLock) return null;
  const why = locked.reason === null ? '' : ` (${locked.reason})`;
  return { type: 'InstanceLocked', message: `instance ${name} is locked by ${locked.by}${why}: unlock it first` };
}

/** Whether `action` may take an instance over from the operation that holds it; most begin on an idle one only. */
export function mayTakeOver(action: Action, underWay: TaskState | null): boolean {
  const { taskStates }: Transition = transitions[action];
  return taskStates.length > idle.length && taskStates.includes(underWay);
}

/** What would help: the action that leads from the present state to one of those that are wanted; else which those are. */
function wayTo({ vmStates, verb: [, participle] }: Transition, present: VmState): string {
  const way = waysOut
    .map((action): Transition => transitions[action])
    .find((row) => row.vmStates.includes(present) && leadsInto(row, vmStates));
  if (way !== undefined) return `${way.verb[0]} it first`;
  return `only one that is ${listed(vmStates.map(inWords))} can be ${participle}`;
}

function leadsInto({ leadsTo }: Transition, wanted: readonly VmState[]): boolean {
  return leadsTo !== null && wanted.includes(leadsTo);
}

function listed(states: readonly string[]): string {
  return states.length < 2 ? `${states[0]}` : `${states.slice(0, -1).join(', ')} or ${states.at(-1)}`;
}

function inWords(vmState: VmState): string {
  return vmState === 'error' ? 'in error' : vmState;
}
