import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { secrets } from '../../test/workflows/canaries.ts';
import { eventually, type HostStep, viewOf } from '../../test/workflows/fleet.ts';
import type { Case, Stage } from './cases.ts';

const burns = () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire'));

/** What happens to an instance between its build and its end. */
export const lifeCases: readonly Case[] = [
  clean('stopInstance'),
  clean('stopInstance', 'switched-off', [], { mode: 'hard' }),
  cancelled('stopInstance', 'shutDownGuest'),
  clean('startInstance', 'clean', ['stopInstance']),
  failed('startInstance', 'runGuest', ['stopInstance']),
  clean('rebootInstance', 'soft', [], { mode: 'soft' }),
  clean('rebootInstance', 'hard', [], { mode: 'hard' }),
  cancelled('rebootInstance', 'shutDownGuest', [], { mode: 'soft' }),
  failed('rebootInstance', 'startPaused', [], { mode: 'hard' }),
  {
    type: 'rebootInstance',
    name: 'soft-became-hard',
    play: async (stage) => {
      const instanceId = await after(stage, 'stubborn', []);
      for (const { stubborn } of stage.fleet.hosts.values()) stubborn.add(instanceId);
      return ended(await stage.fleet.start('rebootInstance', { instanceId, mode: 'soft' }));
    },
  },
  clean('pauseInstance'),
  cancelled('pauseInstance', 'pauseGuest'),
  clean('unpauseInstance', 'clean', ['pauseInstance']),
  failed('unpauseInstance', 'unpauseGuest', ['pauseInstance']),
  clean('suspendInstance'),
  cancelled('suspendInstance', 'saveGuest'),
  {
    type: 'suspendInstance',
    name: 'no-room',
    play: async (stage) => {
      const instanceId = await after(stage, 'no-room', []);
      for (const host of stage.fleet.hosts.values()) host.isFull = true;
      const run = await ended(await stage.fleet.start('suspendInstance', { instanceId }));
      for (const host of stage.fleet.hosts.values()) host.isFull = false;
      return run;
    },
  },
  clean('resumeInstance', 'clean', ['suspendInstance']),
  {
    type: 'resumeInstance',
    name: 'retried-after-park',
    play: async (stage) => {
      const instanceId = await after(stage, 'resumes-late', ['suspendInstance']);
      stage.fleet.at('restoreGuest', burns);
      const run = await stage.fleet.start('resumeInstance', { instanceId });
      await eventually(async () => (await viewOf(run)).parked);
      stage.fleet.leaveAlone();
      await run.executeUpdate('retry', { args: [{ reason: 'the fire is out' }] });
      return ended(run);
    },
  },
  clean('snapshotInstance', 'running', [], { name: 'shot' }),
  clean('snapshotInstance', 'compressed', ['pauseInstance'], { name: 'shot', format: 'qcow2', compress: true }),
  clean('snapshotInstance', 'stopped', ['stopInstance'], { name: 'shot' }),
  failed('snapshotInstance', 'extractSnapshot', [], { name: 'shot' }),
  clean('snapshotInstance', 'told-by-its-steps', ['stopInstance'], { name: 'shot' }),
  failed('snapshotInstance', 'uploadSnapshot', ['stopInstance'], { name: 'shot' }, 'failed-while-stored'),
  cancelled('snapshotInstance', 'uploadSnapshot', [], { name: 'shot' }),
  clean('snapshotInstance', 'saved-early', [], { name: 'shot' }),
  clean('snapshotInstance', 'saved-early-stopped', ['stopInstance'], { name: 'shot' }),
  clean('snapshotInstance', 'saved-early-and-live', [], { name: 'shot', mode: 'live' }),
  clean('snapshotInstance', 'let-go-early', [], { name: 'shot' }),
  clean('snapshotInstance', 'asked-at-once', [], { name: 'shot', mode: 'cold' }),
  clean('snapshotInstance', 'asked-at-once-stopped', ['stopInstance'], { name: 'shot', mode: 'cold' }),
  clean('snapshotInstance', 'let-go-early-and-live', [], { name: 'shot', mode: 'live' }),
  failed('snapshotInstance', 'extractSnapshot', [], { name: 'shot' }, 'saved-early-and-undone'),
  failed('snapshotInstance', 'uploadSnapshot', [], { name: 'shot', mode: 'live' }, 'saved-early-live-and-undone'),
  clean('backupInstance', 'live', [], { name: 'shot', backupType: 'daily', rotation: 1 }),
  clean('backupInstance', 'rotated', ['stopInstance'], { name: 'shot', backupType: 'daily', rotation: 0 }),
  clean('snapshotInstance', 'live', [], { name: 'shot', mode: 'live' }),
  clean('snapshotInstance', 'live-is-impossible', ['pauseInstance'], { name: 'shot', mode: 'auto' }),
  failed('snapshotInstance', 'extractSnapshot', [], { name: 'shot', mode: 'live' }, 'live-failed-and-undone'),
  cancelled('snapshotInstance', 'copyLive', [], { name: 'shot', mode: 'live' }, 'live-cancelled'),
  {
    type: 'snapshotInstance',
    name: 'ended-while-copied',
    play: async (stage) => {
      stage.fleet.at('copyLive', async (_point, { host, instanceId }) => {
        if (instanceId !== null) stage.fleet.hosts.get(host)?.guests.set(instanceId, 'defined');
      });
      return ended(await started(stage, { type: 'snapshotInstance', name: 'ended', before: [], how: { name: 'shot' } }));
    },
  },
  {
    type: 'setInstancePassword',
    name: 'clean',
    play: async (stage) => ended(await newPassword(stage, await withAgent(stage, 'new-password'))),
  },
  {
    type: 'setInstancePassword',
    name: 'no-answer',
    play: async (stage) => {
      const instanceId = await withAgent(stage, 'same-password');
      for (const { silent } of stage.fleet.hosts.values()) silent.add(instanceId);
      return ended(await newPassword(stage, instanceId));
    },
  },
  clean('triggerCrashDump'),
  clean('getScreenshot'),
  clean('softDeleteInstance'),
  clean('restoreInstance', 'clean', ['softDeleteInstance']),
  failed('restoreInstance', 'runGuest', ['softDeleteInstance']),
  clean('deleteInstance', 'soft-deleted', ['softDeleteInstance']),
  {
    type: 'reclaimInstance',
    name: 'clean',
    play: async (stage) => ended(stage.fleet.client.workflow.getHandle(await reclaimOf(stage, 'reclaimed'))),
  },
  {
    type: 'reclaimInstance',
    name: 'cancelled',
    play: async (stage) => {
      const workflowId = await reclaimOf(stage, 'kept');
      await stage.fleet.client.workflow.getHandle(workflowId).cancel();
      return ended(stage.fleet.client.workflow.getHandle(workflowId));
    },
  },
  clean('lockInstance', 'clean', [], { reason: 'under investigation' }),
  clean('unlockInstance', 'clean', ['lockInstance']),
  clean('renameInstance', 'clean', [], { name: 'renamed' }),
  clean('setInstanceMetadata', 'clean', [], { metadata: { role: 'web' } }),
  {
    type: 'instance',
    name: 'wished',
    play: async (stage) => {
      const instanceId = await after(stage, 'wished', []);
      const workflowId = `instance/${instanceId}`;
      for (const { guests } of stage.fleet.hosts.values()) if (guests.has(instanceId)) guests.set(instanceId, 'defined');
      const { host, generation } = await stage.fleet.record<Instance>(workflowId);
      const seen = { host, generation, sighting: { powerState: 'shutdown', trouble: null }, startsAgain: true };
      await stage.fleet.client.workflow.getHandle(workflowId).executeUpdate('observe', { args: [seen] });
      await eventually(async () => ((await stage.fleet.record<Instance>(workflowId)).recent.length > 1 ? true : null));
      return { workflowId };
    },
  },
  {
    type: 'instance',
    name: 'altered',
    play: async (stage) => ({
      workflowId: `instance/${await after(stage, 'altered', ['lockInstance', 'pauseInstance', 'unlockInstance'])}`,
    }),
  },
];

function clean(type: string, name = 'clean', before: readonly string[] = [], how: object = {}): Case {
  return { type, name, play: async (stage) => ended(await started(stage, { type, name, before, how })) };
}

/** Asked to cancel while it is at the step. */
function cancelled(type: string, step: HostStep, before: readonly string[] = [], how: object = {}, name = 'cancelled'): Case {
  const play = async (stage: Stage) => {
    const instanceId = await after(stage, `${type}-${name}`, before);
    const { reached } = stage.fleet.holdAt(step);
    const run = await stage.fleet.start(type, { instanceId, ...how });
    await reached;
    await run.cancel();
    return ended(run);
  };
  return { type, name, play };
}

function failed(type: string, step: HostStep, before: readonly string[] = [], how: object = {}, name = 'failed-and-undone'): Case {
  const play = async (stage: Stage) => {
    const instanceId = await after(stage, `${type}-${name}`, before);
    stage.fleet.at(step, burns);
    return ended(await stage.fleet.start(type, { instanceId, ...how, onFailure: 'rollback' }));
  };
  return { type, name, play };
}

interface Scene {
  readonly type: string;
  readonly name: string;
  readonly before: readonly string[];
  readonly how: object;
}

async function started(stage: Stage, { type, name, before, how }: Scene): Promise<WorkflowHandle> {
  return stage.fleet.start(type, { instanceId: await after(stage, `${type}-${name}`, before), ...how });
}

/** An instance that was built and went through these operations. */
async function after({ fleet, request }: Stage, name: string, operations: readonly string[]): Promise<string> {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request(name));
  for (const type of operations) await fleet.run(type, { instanceId });
  return instanceId;
}

/** An instance of an image whose guests have an agent. */
async function withAgent({ fleet, request }: Stage, name: string): Promise<string> {
  const properties = { hw_qemu_guest_agent: 'yes' };
  const { id: image } = await fleet.run<Image>('importImage', { name, source: 'file:fake', diskFormat: 'raw', properties });
  return (await fleet.run<Instance>('buildInstance', { ...request(name), image })).id;
}

function newPassword({ fleet }: Stage, instanceId: string): Promise<WorkflowHandle> {
  return fleet.start('setInstancePassword', { instanceId, adminPassword: secrets.adminPassword });
}

async function reclaimOf(stage: Stage, name: string): Promise<string> {
  const instanceId = await after(stage, name, ['softDeleteInstance']);
  const { open } = await stage.fleet.record<Instance>(`instance/${instanceId}`);
  return open?.workflowId ?? '';
}

/** However it ended. */
async function ended(run: WorkflowHandle): Promise<{ workflowId: string }> {
  await run.result().catch(() => {});
  return run;
}
