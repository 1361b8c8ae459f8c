import { DomainState } from '../libvirt/index.ts';
import type { PowerState, VmState } from '../model/instance.ts';

/** libvirt's states as Nova's (`LIBVIRT_POWER_STATE`). */
const powerStates: ReadonlyMap<unknown, PowerState> = new Map<unknown, PowerState>([
  [DomainState.running, 'running'],
  [DomainState.blocked, 'running'],
  [DomainState.paused, 'paused'],
  // The guest is on its way down, its QEMU still there: libvirt refuses to start it, as Nova knows.
  [DomainState.shutdown, 'running'],
  [DomainState.shutoff, 'shutdown'],
  [DomainState.crashed, 'crashed'],
  [DomainState.pmSuspended, 'suspended'],
]);

/** A domain's state as a record has it. */
export function powerStateOf(state: unknown): PowerState {
  return powerStates.get(state) ?? 'nostate';
}

/** The state that an instance rests in when its domain is so; null when the domain does not tell. */
export function vmStateOf(state: unknown, isSaved: boolean): VmState | null {
  switch (powerStateOf(state)) {
    case 'running':
    case 'suspended':
      return 'active';
    case 'paused':
      return 'paused';
    case 'shutdown':
    case 'crashed':
      return isSaved ? 'suspended' : 'stopped';
    case 'nostate':
      return null;
  }
}
