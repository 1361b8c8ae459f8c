import {
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  proxyActivities,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { AcceptedResize } from '../activities/accept/resize.ts';
import type { AcceptedDecision } from '../activities/accept/resize-decision.ts';
import type { ControlActivities } from '../activities/control.ts';
import type { Instance, InstanceChanges, Migration } from '../model/instance.ts';
import { together } from '../model/together.ts';
import { onControl } from './activities.ts';
import { claimDestination } from './destination.ts';
import { operate } from './operate.ts';
import { outcomeOf, typeOf } from './outcome.ts';
import { now } from './records/refuse.ts';
import { requesterLine } from './requester.ts';
import { type Decided, type Decisions, decisions } from './resize/decisions.ts';
import { arrivalOf, probingFor } from './resize/destination.ts';
import { confirmed, reverted } from './resize/ends.ts';
import { shutDown, startWhere } from './resize/power.ts';
import { openForDisks, sendDevices, sendDisks } from './resize/send.ts';
import { removeWhatArrived } from './resize/undo.ts';

const { acceptDecision } = proxyActivities<ControlActivities>(onControl.options);

type Type = 'resizeInstance' | 'migrateInstance';

/**
 * Gives an instance another flavor (Nova's `resize_instance`), on another host or, where that is allowed, on its own. Its guest is shut
 * down, its disks are put aside and copied, and it runs again if it ran. Then the instance is `resized`: what it had is kept until the
 * update `confirm` or `revert` comes, or its window confirms it; a cancel reverts it.
 */
export function resizeInstance(request: unknown): Promise<Instance> {
  return resize('resizeInstance', request);
}

/** The same to another host without another flavor: a cold migration (Nova's `migrate`). */
export function migrateInstance(request: unknown): Promise<Instance> {
  return resize('migrateInstance', request);
}

async function resize(type: Type, request: unknown): Promise<Instance> {
  const asked = decisions();
  try {
    return await untilDecided(type, await moved(type, request, asked), asked);
  } finally {
    asked.close(null);
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  }
}

function moved(type: Type, request: unknown, asked: Decisions): Promise<Instance> {
  let before: InstanceChanges = {};

  return operate<AcceptedResize, InstanceChanges, Instance>({
    type,
    request,
    accept: (control) => (input) => control.acceptResize({ ...input, type }),
    record: ({ instance }) => ({ kind: 'instance', id: instance.id, projectId: instance.projectId }),
    onFailed: (fault) => ({ ...before, fault }),
    onCancelled: () => before,
    undoneLeavesNothing: false,

    story: async (frame, accepted) => {
      const { onHost, longOnHost, whenHostReturns, undo, enter, during, whenOutOfRetries } = frame;
      const { instance, host: source, flavor, image, vifs, timeoutSeconds, retrySeconds, preparesEarly, bootsAtOnce } = accepted;
      const { id: instanceId } = instance;
      const { workflowId, runId, firstExecutionRunId: migrationId } = workflowInfo();
      const claimId = `migration/${instanceId}/${accepted.token.generation}`;
      const isToRun = instance.vmState === 'active';
      const boot = { image, vifs, isToRun, bootsAtOnce };
      const oldPinnedCpus = instance.pinnedCpus ?? null;
      before = { host: source, flavor: instance.flavor, disks: instance.disks, migration: null, pinnedCpus: oldPinnedCpus };

      const probing = probingFor(frame, accepted);
      const arrival = await claimDestination(frame, accepted, claimId, probing, arrivalOf(frame, accepted, probing));
      const { host: destination, pinnedCpus, storage, moves, small, key, tidy, areDevicesGiven } = arrival;
      const migration: Migration = {
        type: type === 'resizeInstance' ? 'resize' : 'migration',
        ...{ id: migrationId, source, destination, storage, claimId },
        ...{ oldFlavor: instance.flavor, oldDisks: instance.disks, oldVmState: isToRun ? 'active' : 'stopped' },
        ...(oldPinnedCpus === null ? {} : { oldPinnedCpus }),
      };
      const resized = { ...instance, flavor, pinnedCpus };
      const move = { instanceId, migrationId, storage };

      whenOutOfRetries(accepted.laterOnFailure);
      undo('have the guest where and as it was', async () => {
        const hands = { onHost: whenHostReturns, waitOnHost: frame.waitOnHost };
        await shutDown(hands, { instanceId, host: source, timeoutSeconds, retrySeconds });
        const powerState = await startWhere(hands, { ...boot, instance, host: source, disks: instance.disks });
        before = { ...before, vmState: instance.vmState, powerState };
      });
      const way = { instanceId, source, destination };
      const freight = { moves, small };
      const [, opened] = await together([
        during({ taskState: 'resize_migrating', migration }, () =>
          shutDown(frame, { instanceId, host: source, timeoutSeconds: isToRun ? timeoutSeconds : 0, retrySeconds }),
        ),
        tidy().then(() => (key === null ? null : openForDisks(frame, { ...way, key }, freight))),
      ]);

      undo('put the disks back', () => whenHostReturns(source).putDisksBack(move));
      const { names } = await onHost(source).setDisksAside({ ...move, disks: instance.disks });

      let mayRun = false;
      const kept = instance.disks.map(({ name }) => name);
      undo('remove what arrived', () => removeWhatArrived(frame, { ...move, host: destination, mayRun, areDevicesGiven, kept }));
      if (storage === 'separate') await sendDisks(frame, way, { ...freight, names, opened });
      await sendDevices(frame, way, moves);
      const place = () => longOnHost(destination).placeDisks({ ...move, instance: resized, image, moves });
      const { disks } = await during({ taskState: 'resize_migrated', host: destination, pinnedCpus }, place);

      mayRun = isToRun;
      const finishing = { taskState: 'resize_finish', flavor, disks } as const;
      const start = () => startWhere(frame, { ...boot, instance: resized, host: destination, disks });
      // A run of before 0.2 told it first.
      const powerState = await (preparesEarly === true ? during(finishing, start) : enter(finishing).then(start));

      asked.open();
      const { confirmWindowSeconds: window } = accepted;
      const until = window === 0 ? null : new Date(Date.now() + window * 1000).toISOString();
      return { vmState: 'resized', powerState, open: { workflowId, runId, type, until }, fault: null };
    },
  });
}

/** How long a decision that comes by itself waits for an operation that has the instance. */
const pause = '10 seconds';

/** Waits, for days perhaps, for what is to become of the instance, and does that. */
async function untilDecided(type: Type, instance: Instance, asked: Decisions): Promise<Instance> {
  let until = instance.open?.until ?? null;
  for (;;) {
    say(`${type}: the instance is resized; it waits for confirm or revert${until === null ? '' : `, and is confirmed at ${until}`}`);
    const wish = await asked.next(until);
    const outcome = await CancellationScope.nonCancellable(() => carriedOut(type, instance, wish, asked));
    if (outcome.instance !== null) return outcome.instance;
    const { refusal } = outcome;
    if (wish.by === 'cancel' && typeOf(refusal) !== 'InstanceBusy') throw new CancelledFailure(`${type} was cancelled`);
    if (wish.by === 'time' && typeOf(refusal) !== 'InstanceBusy') until = null;
    if (wish.by !== 'asked') await CancellationScope.nonCancellable(() => sleep(pause));
  }
}

type Outcome = { readonly instance: Instance; readonly refusal: null } | { readonly instance: null; readonly refusal: unknown };

/** Takes the instance again and does what was decided; a refusal to take it is the answer to who asked. */
async function carriedOut(type: Type, { id: instanceId }: Instance, { decision, by, reason }: Decided, asked: Decisions): Promise<Outcome> {
  const { firstExecutionRunId: firstRunId } = workflowInfo();
  let accepted: AcceptedDecision;
  try {
    accepted = await acceptDecision({
      type,
      instanceId,
      firstRunId,
      decision,
      isAutomatic: by !== 'asked',
      ...(reason === undefined ? {} : { reason }),
    });
  } catch (failure) {
    const refusal = outcomeOf(failure, { step: 'acceptDecision', host: null });
    asked.refuse(refusal);
    return { instance: null, refusal };
  }
  asked.close(decision);
  const instance = await operate<AcceptedDecision, InstanceChanges, Instance>({
    type,
    request: {},
    part: 2,
    accept: () => async () => accepted,
    record: () => ({ kind: 'instance', id: instanceId, projectId: accepted.instance.projectId }),
    onFailed: (fault) => ({ fault }),
    onCancelled: () => ({}),
    undoneLeavesNothing: false,
    story: decision === 'confirm' ? confirmed : reverted,
  });
  if (by === 'cancel') throw new CancelledFailure(`${type} was cancelled: the resize was reverted`);
  return { instance, refusal: null };
}

function say(headline: string): void {
  const line = requesterLine();
  setCurrentDetails([headline, ...(line === null ? [] : ['', line]), '', `since ${now()}`].join('\n'));
}
