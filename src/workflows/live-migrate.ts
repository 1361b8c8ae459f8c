import { allHandlersFinished, CancellationScope, condition, workflowInfo } from '@temporalio/workflow';
import type { AcceptedLiveMigration } from '../activities/accept/live-migrate.ts';
import type { Instance, InstanceChanges, Migration } from '../model/instance.ts';
import { passageOf } from '../model/live-migration/arrivals.ts';
import { restOf } from '../model/live-migration/rest.ts';
import { together } from '../model/together.ts';
import { touchedBy } from '../model/touched.ts';
import { claimDestination } from './destination.ts';
import { liveArriving } from './live-migrate/arrival.ts';
import { driveAsDisk, driveOf } from './live-migrate/drive.ts';
import { haveItAtTheSource, leaveSource } from './live-migrate/ends.ts';
import { sendGuest, untilArrived } from './live-migrate/send.ts';
import { type Steering, steering } from './live-migrate/steering.ts';
import { operate } from './operate.ts';

/**
 * Moves an instance to another host while its guest runs, or stands still as it is paused (Nova's `live_migration`). Until the guest is proven
 * to be there it is its source's; the record names both hosts. It is steered by the updates `abort`, `forceComplete` and `setPolicy`.
 */
export async function liveMigrateInstance(request: unknown): Promise<Instance> {
  const steered = steering();
  try {
    return await migrated(request, steered);
  } finally {
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  }
}

function migrated(request: unknown, steered: Steering): Promise<Instance> {
  let before: InstanceChanges = {};

  return operate<AcceptedLiveMigration, InstanceChanges, Instance>({
    type: 'liveMigrateInstance',
    request,
    accept: (control) => control.acceptLiveMigration,
    record: ({ instance }) => ({ kind: 'instance', id: instance.id, projectId: instance.projectId }),
    onFailed: (fault) => ({ ...before, fault }),
    onCancelled: () => before,
    undoneLeavesNothing: false,

    story: async (frame, accepted) => {
      const { onHost, undo, during, leave } = frame;
      const { instance, host: source, image } = accepted;
      const { id: instanceId, vmState } = instance;
      const { firstExecutionRunId: migrationId } = workflowInfo();
      const claimId = `migration/${instanceId}/${accepted.token.generation}`;
      before = { migration: null };

      const { probing, arrivalAt } = liveArriving(frame, accepted, migrationId);
      const arrival = await claimDestination(frame, accepted, claimId, probing, arrivalAt);
      const { host: destination, pinnedCpus, storage, arrivals, guest, target, tidy } = arrival;
      const way = { source, destination, storage, claimId };
      const migration: Migration = {
        ...{ type: 'live-migration', id: migrationId, ...way },
        ...{ oldFlavor: instance.flavor, oldDisks: instance.disks, oldVmState: vmState === 'paused' ? 'paused' : 'active' },
      };
      const moving = { instanceId, id: migrationId, ...way };

      undo('have the guest at its source alone', async () => {
        const { powerState } = await haveItAtTheSource(frame, moving, guest);
        before = { ...before, powerState, vmState: restOf(vmState, powerState) };
      });
      const drive = (accepted.asksAtOnce === true ? driveOf : driveAsDisk)(frame, { instanceId, source, destination }, arrivals);
      const prepare = { instanceId, migrationId, storage, instance, image, arrivals, receives: drive.receives };
      const pins = pinnedCpus === null ? {} : { pinnedCpus };
      const passage = { instanceId, source, destination, target, policy: guest.policy, ...passageOf(arrivals), ...pins };
      await untilArrived(frame, moving, async (tryId) => {
        const [ready] = await together([during({ migration }, () => onHost(destination).prepareLiveArrival(prepare)), tidy()]);
        await drive.send(ready);
        const send = () => sendGuest(frame, { ...passage, migrationId: tryId });
        return steered.during({ instanceId, migrationId: tryId, source }, send);
      });

      const disks = arrivals.map(({ to }) => to);
      const adopt = { instanceId, storage, isPaused: guest.isPaused, disks };
      const adopted = during({ host: destination, disks, pinnedCpus }, () => onHost(destination).adoptGuest(adopt));
      if (storage === 'shared') await adopted; // both hold the instance in one directory
      const [{ powerState }] = await together([adopted, leaveSource(frame, moving)]);
      leave(touchedBy(instance, [destination]));
      return { vmState: restOf(vmState, powerState), powerState, migration: null, fault: null };
    },
  });
}
