import type { BootImages } from '../../activities/accept/images.ts';
import type { Vif } from '../../activities/addresses.ts';
import type { Disk, Instance, InstanceChanges, PowerState } from '../../model/instance.ts';
import type { HostSteps } from '../activities.ts';
import type { Frame } from '../operate.ts';

/** A guest that is to be on a host, as it is to be there. */
export interface Wanted {
  readonly instance: Instance;
  readonly host: string;
  readonly disks: readonly Disk[];
  readonly image: BootImages;
  readonly vifs: readonly Vif[];
  /** One that was stopped stays so. */
  readonly isToRun: boolean;
  /** Whether one step does it. Absent in runs of before 0.2. */
  readonly bootsAtOnce: true | undefined;
}

/**
 * Defines a guest on a host and has it run there when it is to; returns what it is then. Its ports were plugged where it was, so nobody
 * waits for them, as in Nova (`vifs_already_plugged`).
 */
export async function startWhere(
  { onHost }: { readonly onHost: (host: string) => HostSteps },
  { instance, host, disks, image, vifs, isToRun, bootsAtOnce }: Wanted,
): Promise<PowerState> {
  const { id: instanceId } = instance;
  const steps = onHost(host);
  const domain = { instance, image, disks, vifs };
  if (isToRun && bootsAtOnce === true) return (await steps.bootDomain(domain)).powerState;
  await steps.defineDomain(domain);
  if (!isToRun) return (await steps.switchGuestOff({ instanceId })).powerState;
  await steps.startPaused({ instanceId, vifs });
  return (await steps.runGuest({ instanceId })).powerState;
}

/** How long a guest is asked to shut down. */
export interface Patience {
  /** 0: it is not asked. */
  readonly timeoutSeconds: number;
  readonly retrySeconds: number;
}

/** Switches a guest off: it is asked to shut down, and ended when it does not in time (Nova's `_clean_shutdown`, `_destroy`). */
export async function shutDown(
  { onHost, waitOnHost }: Pick<Frame<InstanceChanges>, 'onHost' | 'waitOnHost'>,
  { instanceId, host, timeoutSeconds, retrySeconds }: Patience & { readonly instanceId: string; readonly host: string },
): Promise<void> {
  if (timeoutSeconds > 0) await waitOnHost(host, timeoutSeconds).shutDownGuest({ instanceId, timeoutSeconds, retrySeconds });
  await onHost(host).switchGuestOff({ instanceId });
}
