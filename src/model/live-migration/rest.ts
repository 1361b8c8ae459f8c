import type { PowerState, VmState } from '../instance.ts';

/** What an instance rests in after its migration: as before; stopped when its guest ended meanwhile, in error when it is nowhere. */
export function restOf(before: VmState, powerState: PowerState): VmState {
  if (powerState === 'nostate') return 'error';
  return powerState === 'shutdown' || powerState === 'crashed' ? 'stopped' : before;
}
