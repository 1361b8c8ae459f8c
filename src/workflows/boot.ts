import type { Vif } from '../activities/addresses.ts';
import type { VifPlug } from '../activities/vifs.ts';
import type { InstanceChanges } from '../model/instance.ts';
import type { HostSteps } from './activities.ts';
import type { Frame } from './operate.ts';

/** A guest that is to run, on the host where its domain is. */
export interface Boot {
  readonly instanceId: string;
  readonly host: string;
  readonly vifs: readonly Vif[];
  readonly vifPlug: VifPlug;
}

/** Starts a guest with its processors stopped, waits until its network is plugged, and lets it run: it never looks for a network that is not there yet. */
export async function boot(
  { onHost, waitOnHost }: Pick<Frame<InstanceChanges>, 'onHost' | 'waitOnHost'>,
  { instanceId, host, vifs, vifPlug }: Boot,
): ReturnType<HostSteps['runGuest']> {
  // Runs of before 0.2 have no answer here, and always wait.
  const started: { isPlugged: boolean } | undefined = await onHost(host).startPaused({ instanceId, vifs });
  if (started?.isPlugged !== true) await waitOnHost(host, vifPlug.timeoutSeconds).waitForVifs({ vifs, plug: vifPlug });
  return onHost(host).runGuest({ instanceId });
}
