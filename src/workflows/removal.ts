import type { HostLongSteps, HostSteps } from './activities.ts';

/**
 * Leaves nothing of an instance on a host. Whole devices are wiped before anybody else gets them, which takes as long as it takes.
 * `steps` says how long the host itself is waited for.
 */
export async function removeFromHost(steps: HostSteps, longSteps: HostLongSteps, instanceId: string): Promise<void> {
  // Runs of before 0.2 have no answer here: there were no such devices.
  const removed: { toWipe: readonly string[] } | undefined | null = await steps.removeInstance({ instanceId });
  if ((removed?.toWipe ?? []).length > 0) await longSteps.wipeDisks({ instanceId });
}
