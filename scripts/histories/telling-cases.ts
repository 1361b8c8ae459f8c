import type { WorkflowHandle } from '@temporalio/client';
import type { Instance } from '../../src/model/instance.ts';
import type { Receiver } from '../../test/notifications/receiver.ts';
import { eventually, type Fleet } from '../../test/workflows/fleet.ts';
import { renewed, type Stage } from './cases.ts';

/** A run of a record that tells what happens to it: to a log and to a receiver that the case has in hand. */
export interface TellingCase {
  readonly type: string;
  readonly name: string;
  readonly play: (stage: Stage, receiver: Receiver) => Promise<{ readonly workflowId: string; readonly runId?: string }>;
}

/** What every release has to be able to replay, played on a stage whose workers have somebody to tell. */
export const tellingCases: readonly TellingCase[] = [
  {
    type: 'instance',
    name: 'told',
    play: async ({ fleet, request }) => {
      const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('told'));
      await fleet.run('deleteInstance', { instanceId });
      const record = fleet.client.workflow.getHandle(`instance/${instanceId}`);
      await record.result();
      return record;
    },
  },
  {
    // The run after a continue-as-new sends before its first message what the run before could not.
    type: 'instance',
    name: 'told-later',
    play: async ({ fleet, request }, receiver) => {
      receiver.always(500);
      const { id } = await fleet.run<Instance>('buildInstance', request('told-later'));
      const second = await renewed(fleet, `instance/${id}`);
      receiver.always('take');
      await eventually(() =>
        receiver.events.some(({ type, subject }) => type.endsWith('create.end') && subject?.endsWith(id)) ? true : null,
      );
      await whenSent(fleet.client.workflow.getHandle(second.workflowId, second.runId));
      return second;
    },
  },
  // The first was captured before a record told the stages of a resize.
  { type: 'instance', name: 'told-of-a-resize', play: ({ fleet, request }) => resizedAndConfirmed(fleet, request('told-of-a-resize')) },
  { type: 'instance', name: 'told-by-stages', play: ({ fleet, request }) => resizedAndConfirmed(fleet, request('told-by-stages')) },
];

/** The record of an instance that is resized while it tells what happens to it. */
async function resizedAndConfirmed(fleet: Fleet, request: object): Promise<WorkflowHandle> {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request);
  const record = fleet.client.workflow.getHandle(`instance/${instanceId}`);
  const flavor = { name: 'larger', vcpus: 1, memoryMiB: 256, rootGiB: 1 };
  const run = await fleet.start('resizeInstance', { instanceId, flavor });
  await eventually(async () => ((await record.query<Instance>('record')).vmState === 'resized' ? true : null));
  await run.executeUpdate('confirm');
  await run.result();
  await fleet.run('deleteInstance', { instanceId });
  await record.result();
  return record;
}

/** Resolves once no activity of the run is under way. */
async function whenSent(run: WorkflowHandle): Promise<void> {
  await eventually(async () => ((await run.describe()).raw.pendingActivities?.length ? null : true));
}
