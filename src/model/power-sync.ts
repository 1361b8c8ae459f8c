import type { Fault, Instance, PowerState, VmState } from './instance.ts';
import type { InstanceState } from './instance-record.ts';
import type { Refused } from './refused.ts';
import type { Wish } from './wish.ts';

/** A guest as its hypervisor shows it, with what an operator has to know beyond its power state. */
export interface Sighting {
  readonly powerState: PowerState;
  /** Why a guest stands still or ended that was not asked to, or null. */
  readonly trouble: { readonly type: GuestFault; readonly message: string } | null;
}

/** What a guest can come to by itself; a record's fault may have these types too. */
export const guestFaults = ['GuestCrashed', 'GuestIoError'] as const;
export type GuestFault = (typeof guestFaults)[number];

/**
 * What follows when a guest is seen in a power state that its record did not expect.
 * `note`: the record says so. `stopped`: the guest ended by itself, and its instance is stopped.
 * `stop`: it runs though it must not, and is stopped.
 */
export type Sync = 'nothing' | 'note' | 'stopped' | 'stop';

/** Nova's `_sync_instance_power_state`, for an instance that no operation holds. */
export function syncOf({ vmState, powerState }: Pick<Instance, 'vmState' | 'powerState'>, seen: PowerState): Sync {
  const isOff = seen === 'shutdown' || seen === 'crashed';
  switch (vmState) {
    case 'building':
    case 'deleted':
    case 'shelved_offloaded':
      return 'nothing';
    case 'active':
      if (isOff) return 'stopped';
      if (seen === 'suspended') return 'stop';
      break;
    case 'paused':
      if (isOff) return 'stopped';
      break;
    case 'stopped':
      if (!isOff && seen !== 'nostate') return 'stop';
      break;
  }
  return seen === powerState ? 'nothing' : 'note';
}

/** What a host's worker saw, and of which generation the record was before it looked: nothing has acted on the guest since. */
export interface Observation {
  readonly host: string;
  readonly generation: number;
  readonly sighting: Sighting;
  /** Whether a guest that is off is started again. Absent: a worker of before 0.2, which starts what has to follow by itself. */
  readonly startsAgain?: boolean;
}

/** Why the record does not take what was seen, or null: it may be older than what an operation did meanwhile. */
export function refusalToObserve({ record, holder, generation }: InstanceState, seen: Observation): Refused | null {
  if (record === null || record.vmState === 'deleted') return { type: 'InstanceNotFound', message: 'the instance is gone' };
  if (holder !== null) return { type: 'InstanceBusy', message: `instance ${record.name} is held by ${holder.type}` };
  if (generation !== seen.generation || record.host !== seen.host) {
    return { type: 'StaleToken', message: `instance ${record.name} is of generation ${generation} on ${record.host}: look again` };
  }
  return null;
}

/** What follows from what was seen. */
export function syncIn({ record }: InstanceState, { sighting }: Observation): Sync {
  return record === null ? 'nothing' : syncOf(record, sighting.powerState);
}

/** The state with what was seen. */
export function observed(state: InstanceState, seen: Observation, at: string): InstanceState {
  const { record } = state;
  const sync = syncIn(state, seen);
  if (record === null || sync === 'nothing') return state;
  const { powerState } = seen.sighting;
  const vmState = vmStateAfter(record.vmState, sync);
  const fault = faultAfter(record.fault, seen.sighting, at);
  return { ...state, ...wishFor(record.id, seen, sync), record: { ...record, vmState, powerState, fault, updatedAt: at } };
}

/** The operation that has to follow. */
function wishFor(instanceId: string, { generation, startsAgain }: Observation, sync: Sync): { readonly wish?: Wish } {
  const wished = { workflowId: `power-sync/${instanceId}/${generation}`, is: 'open' } as const;
  if (startsAgain === undefined) return {};
  if (sync === 'stop') return { wish: { type: 'stopInstance', request: { instanceId, mode: 'hard' }, ...wished } };
  return sync === 'stopped' && startsAgain ? { wish: { type: 'startInstance', request: { instanceId }, ...wished } } : {};
}

/** A guest that runs though it must not is active for as long as it takes to stop it. */
function vmStateAfter(before: VmState, sync: Sync): VmState {
  if (sync === 'stopped') return 'stopped';
  return sync === 'stop' ? 'active' : before;
}

/** What troubled a guest is over once it runs. */
function faultAfter(before: Fault | null, { powerState, trouble }: Sighting, at: string): Fault | null {
  if (trouble !== null) return before?.type === trouble.type ? before : { ...trouble, at, operation: null };
  return powerState === 'running' && guestFaults.some((type) => type === before?.type) ? null : before;
}
