import { ApplicationFailure, type TemporalFailure } from '@temporalio/workflow';
import type { AcceptedBuild } from '../activities/accept/build.ts';
import type { InstanceChanges } from '../model/instance.ts';
import type { Frame, Part } from './operate.ts';
import { isAway, messageOf, outcomeOf, typeOf } from './outcome.ts';
import { type Claimed, claimHost, type Turned } from './placement.ts';
import { removeFromHost } from './removal.ts';

/** What is done on one of the hosts that a build may try. */
export interface Attempt extends Claimed {
  readonly undo: Part<InstanceChanges>['undo'];
  /** The undo of all that the attempt makes on its host. */
  readonly removeInstance: () => Promise<void>;
}

/**
 * Claims a host and does `work` there; when it fails by the host's fault, undoes it and goes to the next host, as often as
 * the build was accepted with (Nova's reschedule). Which failures are the host's was decided then, too. Raises the last
 * failure, which names every host that was tried.
 */
export async function onHostAfterHost<Result>(
  frame: Frame<InstanceChanges>,
  { instance: { id: instanceId }, wanted, attempts }: Pick<AcceptedBuild, 'instance' | 'wanted' | 'attempts'>,
  networks: readonly string[],
  work: (attempt: Attempt) => Promise<Result>,
): Promise<Result> {
  const { control, enter } = frame;
  const failed: Turned[] = [];
  let failure: TemporalFailure | null = null;

  for (;;) {
    const { undo, release, removeFrom, giveUp } = attemptIn(frame, instanceId);
    const next = { instanceId, wanted, networks, release, notOn: failed };
    const { host, pinnedCpus } = await claimHost({ control, enter, undo }, next).catch((noHost: unknown) => {
      throw failure !== null && typeOf(noHost) === 'NoValidHost' ? naming(failed, failure) : noHost;
    });
    try {
      return await work({ host, pinnedCpus, undo, removeInstance: () => removeFrom(host) });
    } catch (why) {
      const at = frame.whereFailed(why);
      const isTheHosts = at.host === host && attempts?.requestFaults.includes(typeOf(why) ?? '') === false;
      if (!isTheHosts || frame.isCancelled()) throw why;
      failure = outcomeOf(why, at);
      failed.push({ host, filter: 'build', reason: `${host}: ${at.step}: ${messageOf(why)}` });
      await giveUp(at.step);
      if (failed.length >= attempts.max) throw naming(failed, failure);
    }
  }
}

/** Where the guest is let run: a host that fails this and is away may have it running. */
const lastStep = 'runGuest';

/** The undos of an attempt: as those of any step, and otherwise once its host is to blame. */
function attemptIn({ control, part, longOnHost, whenHostReturns, unlessAway }: Frame<InstanceChanges>, instanceId: string) {
  const { undo, unwind } = part();
  let failedAt: string | null = null;
  let isOwed = false;

  return {
    undo,
    release: async (host: string) => {
      if (!isOwed) await control.releaseClaim({ host, instanceId, ...(failedAt === null ? {} : { isFailedBuild: true }) });
    },
    removeFrom: async (host: string) => {
      if (failedAt === null || failedAt === lastStep) return removeFromHost(whenHostReturns(host), longOnHost(host), instanceId);
      try {
        await removeFromHost(unlessAway(host), longOnHost(host), instanceId);
      } catch (away) {
        if (!isAway(away)) throw away;
        await control.oweRemoval({ host, instanceId });
        isOwed = true;
      }
    },
    giveUp: (step: string) => {
      failedAt = step;
      return unwind({ taskState: 'scheduling', host: null, launchedOn: null, disks: [] });
    },
  };
}

/** The last failure; of several hosts it names each with what happened there. */
function naming(failed: readonly Turned[], last: TemporalFailure): TemporalFailure {
  if (failed.length < 2 || !(last instanceof ApplicationFailure)) return last;
  const message = `${failed.length} hosts were tried: ${failed.map(({ reason }) => reason).join('; ')}`;
  return ApplicationFailure.nonRetryable(message, last.type ?? 'OperationFailed', ...(last.details ?? []));
}
