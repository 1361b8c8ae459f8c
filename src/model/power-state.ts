import type { PowerState } from './instance.ts';

/** Whether a guest of this power state has a QEMU of its own. */
export function isOn(powerState: PowerState): boolean {
  return powerState === 'running' || powerState === 'paused';
}
