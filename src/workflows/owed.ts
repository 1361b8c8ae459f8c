import type { InstanceChanges } from '../model/instance.ts';
import type { HostSteps } from './activities.ts';
import type { Frame } from './operate.ts';
import { isAway } from './outcome.ts';

/** What is to be done on a host, or left to it as a debt. */
export interface OwedWork {
  readonly host: string;
  /** Whether its record says that it is down; null: a run of before there were debts. */
  readonly isDown: boolean | null;
  readonly work: (steps: HostSteps) => Promise<unknown>;
  /** Leaves it to the host when that is down. */
  readonly owe: () => Promise<{ readonly isOwed: boolean }>;
}

/** How often a host that takes no step, and whose record does not say that it is down, is tried before an operator is asked. */
const maxTries = 3;

/**
 * Does it on a host, or leaves it to the host as a debt when that is down: nobody waits for one that may never return. One that returns
 * meanwhile does it now. Whether it is owed.
 */
export async function doneOrOwed(
  { onHost, unlessAway }: Pick<Frame<InstanceChanges>, 'onHost' | 'unlessAway'>,
  { host, isDown, work, owe }: OwedWork,
): Promise<boolean> {
  if (isDown === true && (await owe()).isOwed) return true;
  for (let tries = 0; isDown !== null && tries < maxTries; tries += 1) {
    try {
      await work(unlessAway(host));
      return false;
    } catch (failure) {
      if (!isAway(failure)) throw failure;
      if ((await owe()).isOwed) return true;
    }
  }
  await work(onHost(host));
  return false;
}
