import type { Instance } from './instance.ts';

/**
 * Whether a guest that runs on `host` runs there wrongly: its instance was deleted, or went on elsewhere, under a generation that this
 * host, which acted last under `generation`, has not heard of. While an operation holds the instance it is that one's to decide.
 */
export function isSuperseded(instance: Instance, host: string, generation: number): boolean {
  const isElsewhere = instance.vmState === 'deleted' || (instance.host !== null && instance.host !== host);
  return isElsewhere && instance.operation === null && instance.open === null && instance.generation > generation;
}

/** Whether an instance is on `host` again: what was kept there of it is in use. */
export function isKeptInVain({ vmState, host: place }: Pick<Instance, 'vmState' | 'host'>, host: string): boolean {
  return vmState !== 'deleted' && place === host;
}
