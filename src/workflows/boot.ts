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

type Hands = Pick<Frame<InstanceChanges>, 'onHost' | 'waitOnHost'>;

/** Boots a guest: its processors start when its network is plugged, so that it never looks for one that is not there yet. */
export async function boot(hands: Hands, guest: Boot): ReturnType<HostSteps['runGuest']> {
  const { instanceId, host, vifs } = guest;
  return runOncePlugged(hands, guest, await hands.onHost(host).startPaused({ instanceId, vifs }));
}

/** Lets a guest whose processors wait run, once its network is plugged. `started`: what the step before saw of it. */
export async function runOncePlugged(
  { onHost, waitOnHost }: Hands,
  { instanceId, host, vifs, vifPlug }: Boot,
  started: { readonly isPlugged: boolean } | undefined, // runs of before 0.2 have no answer here, and always wait
): ReturnType<HostSteps['runGuest']> {
  if (started?.isPlugged !== true) await waitOnHost(host, vifPlug.timeoutSeconds).waitForVifs({ vifs, plug: vifPlug });
  return onHost(host).runGuest({ instanceId });
}
