import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Instance } from '../../src/model/instance.ts';
import { eventually, type HostStep, type Run, viewOf } from '../../test/workflows/fleet.ts';
import type { Case, Stage } from './cases.ts';

const burns = () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire'));
const flavor = { name: 'larger', vcpus: 2, memoryMiB: 128, rootGiB: 2 };

/** What becomes of an instance that gets another flavor, or another host. */
export const resizeCases: readonly Case[] = [
  decided('confirmed', 'confirm'),
  decided('reverted', 'revert'),
  decided('confirmed-stopped', 'confirm', ['stopInstance']),
  decided('reverted-stopped', 'revert', ['stopInstance']),
  {
    type: 'resizeInstance',
    name: 'confirmed-by-its-window',
    play: async (stage) => ended((await resized(stage, 'windowed', { confirmWindowSeconds: 1 })).run),
  },
  {
    type: 'resizeInstance',
    name: 'waiting',
    play: async (stage) => {
      const { run } = await resized(stage, 'waiting');
      return run;
    },
  },
  {
    type: 'resizeInstance',
    name: 'cancelled-while-it-waits',
    play: async (stage) => {
      const { run } = await resized(stage, 'cancelled-late');
      await run.cancel();
      return ended(run);
    },
  },
  {
    type: 'resizeInstance',
    name: 'deleted-while-it-waits',
    play: async (stage) => {
      const { run, instanceId } = await resized(stage, 'deleted-late');
      await stage.fleet.run('deleteInstance', { instanceId });
      return ended(run);
    },
  },
  {
    type: 'resizeInstance',
    name: 'confirmed-with-the-source-down',
    play: async (stage) => {
      const { run, source } = await resized(stage, 'owes');
      await stage.fleet.lose(source);
      try {
        await run.executeUpdate('confirm', { args: [{}] });
        return await ended(run);
      } finally {
        await stage.fleet.bringBack(source);
      }
    },
  },
  decided('sent-and-confirmed', 'confirm'),
  decided('sent-and-reverted', 'revert'),
  failed('sent-and-undone', 'placeDisks'),
  decided('asked-at-once-and-confirmed', 'confirm'),
  decided('asked-at-once-and-reverted', 'revert'),
  failed('asked-at-once-and-undone', 'placeDisks'),
  withMuch('asked-at-once-with-much'),
  decided('prepared-early-and-confirmed', 'confirm'),
  decided('prepared-early-and-reverted', 'revert'),
  failed('prepared-early-and-undone', 'placeDisks'),
  decided('booted-at-once-and-confirmed', 'confirm'),
  decided('booted-at-once-and-reverted', 'revert'),
  failed('booted-at-once-and-undone', 'bootDomain'),
  onSharedStorage('copied-on-shared-storage'),
  onSharedStorage('asked-at-once-on-shared-storage'),
  failed('failed-and-undone', 'placeDisks'),
  failed('failed-at-the-start', 'bootDomain'),
  {
    type: 'resizeInstance',
    name: 'cancelled',
    play: async (stage) => {
      const instanceId = await built(stage, 'cancelled-early');
      const { reached } = stage.fleet.holdAt('placeDisks');
      const run = await stage.fleet.start('resizeInstance', { instanceId, flavor });
      await reached;
      stage.fleet.leaveAlone();
      await run.cancel();
      return ended(run);
    },
  },
  {
    type: 'resizeInstance',
    name: 'retried-after-park',
    play: async (stage) => {
      const instanceId = await built(stage, 'parks');
      stage.fleet.at('placeDisks', burns);
      const run = await stage.fleet.start('resizeInstance', { instanceId, flavor });
      await eventually(async () => (await viewOf(run)).parked);
      stage.fleet.leaveAlone();
      await run.executeUpdate('retry', { args: [{ reason: 'the fire is out' }] });
      return confirmed(stage, run, instanceId);
    },
  },
  {
    type: 'resizeInstance',
    name: 'refused-by-every-host',
    play: async (stage) => {
      const instanceId = await built(stage, 'refused');
      for (const host of stage.fleet.hosts.values()) host.refusesArrivals = 'it has no such machine';
      const run = await ended(await stage.fleet.start('resizeInstance', { instanceId, flavor }));
      for (const host of stage.fleet.hosts.values()) host.refusesArrivals = null;
      return run;
    },
  },
  {
    type: 'migrateInstance',
    name: 'clean',
    play: async (stage) => {
      const instanceId = await built(stage, 'migrates');
      return confirmed(stage, await stage.fleet.start('migrateInstance', { instanceId }), instanceId);
    },
  },
  {
    type: 'softDeleteInstance',
    name: 'resized',
    play: async (stage) => {
      const { instanceId } = await resized(stage, 'soft-deleted-late');
      return ended(await stage.fleet.start('softDeleteInstance', { instanceId }));
    },
  },
  {
    type: 'deleteInstance',
    name: 'resized',
    play: async (stage) => {
      const { instanceId } = await resized(stage, 'deleted-resized');
      return ended(await stage.fleet.start('deleteInstance', { instanceId }));
    },
  },
  {
    type: 'instance',
    name: 'resized',
    play: async (stage) => {
      const { run, instanceId } = await resized(stage, 'told');
      await run.executeUpdate('revert', { args: [{ reason: 'slower' }] });
      await ended(run);
      return { workflowId: `instance/${instanceId}` };
    },
  },
];

function decided(name: string, decision: 'confirm' | 'revert', before: readonly string[] = []): Case {
  const play = async (stage: Stage) => {
    const { run } = await resized(stage, name, {}, before);
    await run.executeUpdate<void, [object]>(decision, { args: [{}] });
    return ended(run);
  };
  return { type: 'resizeInstance', name, play };
}

function failed(name: string, step: HostStep): Case {
  const play = async (stage: Stage) => {
    const instanceId = await built(stage, name);
    let isBurnt = false;
    stage.fleet.at(step, async (point) => {
      if (point === 'after' || isBurnt) return;
      isBurnt = true; // the undo has the same steps
      await burns();
    });
    return ended(await stage.fleet.start('resizeInstance', { instanceId, flavor, onFailure: 'rollback' }));
  };
  return { type: 'resizeInstance', name, play };
}

/** The hosts keep their instances in one place. */
function onSharedStorage(name: string): Case {
  const play = async (stage: Stage) => {
    const hosts = [...stage.fleet.hosts.values()];
    const own = hosts.map(({ probes }) => probes);
    for (const host of hosts) host.probes = own[0] ?? new Set();
    const { run } = await resized(stage, name);
    hosts.forEach((host, index) => {
      host.probes = own[index] ?? new Set();
    });
    await run.executeUpdate('confirm', { args: [{}] });
    return ended(run);
  };
  return { type: 'resizeInstance', name, play };
}

/** The source has so much that it goes by rsync. */
function withMuch(name: string): Case {
  const play = async (stage: Stage) => {
    const hosts = [...stage.fleet.hosts.values()];
    for (const host of hosts) host.sendsMuch = true;
    const { run } = await resized(stage, name);
    for (const host of hosts) host.sendsMuch = false;
    await run.executeUpdate('confirm', { args: [{}] });
    return ended(run);
  };
  return { type: 'resizeInstance', name, play };
}

interface Resized {
  readonly run: Run;
  readonly instanceId: string;
  readonly source: string;
}

async function resized(stage: Stage, name: string, how: object = {}, before: readonly string[] = []): Promise<Resized> {
  const instanceId = await built(stage, name, before);
  const { host } = await stage.fleet.record<Instance>(`instance/${instanceId}`);
  const run = await stage.fleet.start('resizeInstance', { instanceId, flavor, ...how });
  await whenResized(stage, instanceId);
  return { run, instanceId, source: host ?? '' };
}

async function confirmed(stage: Stage, run: Run, instanceId: string): Promise<{ workflowId: string }> {
  await whenResized(stage, instanceId);
  await run.executeUpdate('confirm', { args: [{}] });
  return ended(run);
}

async function whenResized({ fleet }: Stage, instanceId: string): Promise<void> {
  await eventually(async () => ((await fleet.record<Instance>(`instance/${instanceId}`)).vmState === 'resized' ? true : null));
}

async function built({ fleet, request }: Stage, name: string, before: readonly string[] = []): Promise<string> {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request(name));
  for (const type of before) await fleet.run(type, { instanceId });
  return instanceId;
}

/** However it ended. */
async function ended(run: WorkflowHandle): Promise<{ workflowId: string }> {
  await run.result().catch(() => {});
  return run;
}
