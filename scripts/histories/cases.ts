import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { payDebts } from '../../src/activities/debts.ts';
import type { Host } from '../../src/model/host.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { secrets } from '../../test/workflows/canaries.ts';
import { eventually, type Fleet, type furnish, type Run, resetTo, viewOf } from '../../test/workflows/fleet.ts';
import { dedicatedCpuCases } from './dedicated-cpu-cases.ts';
import { deviceCases } from './device-cases.ts';
import { lifeCases } from './life-cases.ts';
import { liveMigrateCases } from './live-migrate-cases.ts';
import { resizeCases } from './resize-cases.ts';

/** A run worth keeping: how it comes about. */
export interface Case {
  readonly type: string;
  readonly name: string;
  /** Resolves with the run's workflow id, and its run id where a later run has it too, when its history is what is to be kept. */
  readonly play: (stage: Stage) => Promise<{ readonly workflowId: string; readonly runId?: string }>;
}

/** A fleet with an image and a network, both of the name `histories`. */
export interface Stage {
  readonly fleet: Fleet;
  readonly request: Awaited<ReturnType<typeof furnish>>;
}

/** The hosts of the stage; an `m1.large` is too large for them. */
export const stageHosts = ['cn1', 'cn2'] as const;
export const stageCapacity = {
  diskGiB: 70,
  guestCpus: { dedicated: Array.from({ length: 40 }, (_, cpu) => ({ cell: 0, cpus: [cpu], threads: 1 })), shared: [40] },
} as const;
/** A soft delete waits long enough to be seen waiting. */
export const stageSettings = { reclaimInstanceIntervalSeconds: 3 } as const;

const burns = () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire'));

/** Burns the disk of the first host that defines a domain; the returned function names it. */
function burnsOnFirst(fleet: Fleet): () => string | null {
  let first: string | null = null;
  fleet.at('defineDomain', (_point, { host }) => {
    first ??= host;
    return host === first ? burns() : Promise.resolve();
  });
  return () => first;
}

/** The libvirt of that host is away when something is to be removed. */
function awayWhenRemoving(fleet: Fleet, host: () => string | null): void {
  fleet.at('removeInstance', async (_point, info) => {
    if (info.host === host()) throw ApplicationFailure.nonRetryable('nobody answers', 'LibvirtUnreachable');
  });
}

/** What every release has to be able to replay. */
export const cases: readonly Case[] = [
  {
    type: 'buildInstance',
    name: 'clean',
    play: async ({ fleet, request }) => ended(await fleet.start('buildInstance', request('clean'))),
  },
  {
    type: 'buildInstance',
    name: 'told-by-its-steps',
    play: async ({ fleet, request }) => ended(await fleet.start('buildInstance', request('told'))),
  },
  {
    type: 'buildInstance',
    name: 'ephemeral-and-swap',
    play: async ({ fleet, request }) => {
      const flavor = { name: 'roomy', vcpus: 1, memoryMiB: 64, rootGiB: 1, ephemeralGiB: 2, swapMiB: 512 };
      const blockDevices = [{ source: 'blank', destination: 'local', sizeGiB: 1, guestFormat: 'ext4' }];
      return ended(await fleet.start('buildInstance', { ...request('roomy'), flavor, blockDevices }));
    },
  },
  {
    type: 'buildInstance',
    name: 'disks-that-take-long',
    play: async ({ fleet, request }) => {
      for (const host of fleet.hosts.values()) host.copiesLong = true;
      const run = await ended(await fleet.start('buildInstance', request('long')));
      for (const host of fleet.hosts.values()) host.copiesLong = false;
      return run;
    },
  },
  {
    type: 'buildInstance',
    name: 'failed-and-undone',
    play: async ({ fleet, request }) => {
      fleet.at('defineDomain', burns);
      return ended(await fleet.start('buildInstance', request('failed')));
    },
  },
  {
    type: 'buildInstance',
    name: 'cancelled',
    play: async ({ fleet, request }) => {
      const { reached } = fleet.holdAt('createDisks');
      const run = await fleet.start('buildInstance', request('cancelled'));
      await reached;
      await run.cancel();
      return ended(run);
    },
  },
  {
    type: 'buildInstance',
    name: 'retried-after-park',
    play: async ({ fleet, request }) => {
      fleet.at('createDisks', burns);
      const run = await fleet.start('buildInstance', { ...request('parked'), onFailure: 'park' });
      await eventually(async () => (await viewOf(run)).parked);
      fleet.leaveAlone();
      await run.executeUpdate('retry', { args: [{ reason: 'the fire is out' }] });
      return ended(run);
    },
  },
  {
    type: 'buildInstance',
    name: 'reset',
    play: async ({ fleet, request }) => {
      const { reached, release } = fleet.holdAt('defineDomain');
      const run = await fleet.start('buildInstance', request('reset'));
      await reached;
      const again = await resetTo('claimResources', run, fleet);
      fleet.leaveAlone();
      release();
      return ended(again);
    },
  },
  {
    type: 'buildInstance',
    name: 'no-valid-host',
    play: async ({ fleet, request }) => ended(await fleet.start('buildInstance', { ...request('large'), flavor: 'm1.large' })),
  },
  {
    type: 'buildInstance',
    name: 'with-secrets',
    play: async ({ fleet, request }) => ended(await fleet.start('buildInstance', { ...request('with-secrets'), ...secrets })),
  },
  {
    type: 'buildInstance',
    name: 'rescheduled',
    play: async ({ fleet, request }) => {
      burnsOnFirst(fleet);
      return ended(await fleet.start('buildInstance', request('rescheduled')));
    },
  },
  {
    type: 'buildInstance',
    name: 'failed-on-every-host',
    play: async ({ fleet, request }) => {
      fleet.at('startPaused', burns);
      return ended(await fleet.start('buildInstance', request('failed-everywhere')));
    },
  },
  {
    type: 'buildInstance',
    name: 'rescheduled-and-cancelled',
    play: async ({ fleet, request }) => {
      burnsOnFirst(fleet);
      const { reached } = fleet.holdAt('startPaused');
      const run = await fleet.start('buildInstance', request('rescheduled-cancelled'));
      await reached;
      await run.cancel();
      return ended(run);
    },
  },
  {
    type: 'buildInstance',
    name: 'rescheduled-from-a-host-that-is-away',
    play: async ({ fleet, request }) => {
      const first = burnsOnFirst(fleet);
      awayWhenRemoving(fleet, first);
      return ended(await fleet.start('buildInstance', request('rescheduled-away')));
    },
  },
  {
    type: 'deleteInstance',
    name: 'clean',
    play: async ({ fleet, request }) => {
      const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('deleted'));
      return ended(await fleet.start('deleteInstance', { instanceId }));
    },
  },
  {
    type: 'deleteInstance',
    name: 'owed-by-a-host-that-is-down',
    play: async ({ fleet, request }) => {
      const { id: instanceId, host } = await fleet.run<Instance>('buildInstance', request('owed'));
      return whileLost(fleet, host ?? '', async () => ended(await fleet.start('deleteInstance', { instanceId })));
    },
  },
  {
    type: 'deleteInstance',
    name: 'wiped',
    play: async ({ fleet, request }) =>
      withWholeDevices(fleet, async () => {
        const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('wiped'));
        return ended(await fleet.start('deleteInstance', { instanceId }));
      }),
  },
  {
    type: 'buildInstance',
    name: 'failed-and-wiped',
    play: async ({ fleet, request }) =>
      withWholeDevices(fleet, async () => {
        fleet.at('defineDomain', burns);
        return ended(await fleet.start('buildInstance', request('failed-and-wiped')));
      }),
  },
  {
    type: 'deleteInstance',
    name: 'cancelled-the-build',
    play: async ({ fleet, request }) => ended((await cancelledByDelete(fleet, request('cancelled-by-delete'))).deletion),
  },
  ...lifeCases,
  ...resizeCases,
  ...deviceCases,
  ...dedicatedCpuCases,
  ...liveMigrateCases,
  {
    type: 'importImage',
    name: 'clean',
    play: async ({ fleet }) => ended(await fleet.start('importImage', { name: 'tiny', source: 'file:tiny', diskFormat: 'raw' })),
  },
  {
    type: 'importImage',
    name: 'failed',
    play: async ({ fleet }) => {
      fleet.at('storeImage', burns);
      return ended(await fleet.start('importImage', { name: 'cat', source: 'file:cat', diskFormat: 'qcow2' }));
    },
  },
  {
    type: 'importImage',
    name: 'cancelled',
    play: async ({ fleet }) => {
      const { reached } = fleet.holdAt('storeImage');
      const run = await fleet.start('importImage', { name: 'given-up', source: 'file:given-up', diskFormat: 'raw' });
      await reached;
      await run.cancel();
      return ended(run);
    },
  },
  {
    type: 'deleteImage',
    name: 'clean',
    play: async ({ fleet }) => ended(await fleet.start('deleteImage', await imported(fleet, 'deleted'))),
  },
  {
    type: 'deleteImage',
    name: 'in-use',
    play: async ({ fleet, request }) => {
      await fleet.run('buildInstance', request('uses'));
      return ended(await fleet.start('deleteImage', { imageId: request('any').image }));
    },
  },
  {
    type: 'deleteImage',
    name: 'retried-after-park',
    play: async ({ fleet }) => {
      fleet.at('removeStoredImage', burns);
      const run = await fleet.start('deleteImage', await imported(fleet, 'parked'));
      await eventually(async () => (await viewOf(run)).parked);
      fleet.leaveAlone();
      await run.executeUpdate('retry', { args: [{ reason: 'the fire is out' }] });
      return ended(run);
    },
  },
  {
    type: 'cacheImage',
    name: 'clean',
    play: async ({ fleet, request }) => ended(await fleet.start('cacheImage', { imageId: request('any').image })),
  },
  {
    type: 'cacheImage',
    name: 'one-host-failed',
    play: async ({ fleet, request }) => {
      fleet.at('fetchBases', async (_point, { host }) => {
        if (host === 'cn2') await burns();
      });
      return ended(await fleet.start('cacheImage', { imageId: request('any').image, hosts: ['cn1', 'cn2'] }));
    },
  },
  {
    type: 'cacheImage',
    name: 'cancelled',
    play: async ({ fleet, request }) => {
      const { reached } = fleet.holdAt('fetchBases');
      const run = await fleet.start('cacheImage', { imageId: request('any').image, hosts: ['cn1'] });
      await reached;
      await run.cancel();
      return ended(run);
    },
  },
  {
    type: 'createNetwork',
    name: 'clean',
    play: async ({ fleet }) => ended(await fleet.start('createNetwork', { name: 'second', cidr: '10.2.0.0/24', bridge: 'br-test' })),
  },
  {
    type: 'disableHost',
    name: 'clean',
    play: async ({ fleet }) => ended(await fleet.start('disableHost', { host: 'cn2', reason: 'new disks' })),
  },
  { type: 'enableHost', name: 'clean', play: async ({ fleet }) => ended(await fleet.start('enableHost', { host: 'cn2' })) },
  {
    type: 'enableHost',
    name: 'refused',
    play: async ({ fleet }) => ended(await fleet.start('enableHost', { host: 'cn9' })),
  },
  {
    type: 'fenceHost',
    name: 'clean',
    play: async ({ fleet, request }) => {
      const { id: instanceId, host } = await fleet.run<Instance>('buildInstance', request('fenced'));
      return whileLost(fleet, host ?? '', async () => {
        await fleet.run('deleteInstance', { instanceId });
        return ended(await fleet.start('fenceHost', { host, reason: 'its power supply was pulled' }));
      });
    },
  },
  { type: 'fenceHost', name: 'refused', play: async ({ fleet }) => ended(await fleet.start('fenceHost', { host: 'cn1', reason: 'none' })) },
  {
    type: 'auditHost',
    name: 'clean',
    play: async ({ fleet }) => ended(await fleet.start('auditHost', { host: 'cn1' })),
  },
  {
    type: 'auditHost',
    name: 'gave-a-claim-back',
    play: async ({ fleet }) => {
      const claim = { id: randomUUID(), instanceId: randomUUID(), generation: 1, vcpus: 1, memoryMiB: 1, diskGiB: 1 };
      await fleet.client.workflow.getHandle('host/cn1').executeUpdate('claim', { args: [claim] });
      return ended(await fleet.start('auditHost', { host: 'cn1' }));
    },
  },
  {
    type: 'getConsoleOutput',
    name: 'clean',
    play: async ({ fleet, request }) => {
      const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('talks'));
      return ended(await fleet.start('getConsoleOutput', { instanceId }));
    },
  },
  {
    type: 'openConsole',
    name: 'clean',
    play: async ({ fleet, request }) => {
      const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('typed-at'));
      return ended(await fleet.start('openConsole', { instanceId, kind: 'serial' }));
    },
  },
  // The hosts of the stage list nothing, which is found twice.
  { type: 'verify', name: 'with-findings', play: async ({ fleet }) => ended(await fleet.start('verify', {})) },
  {
    type: 'instance',
    name: 'built-and-deleted',
    play: async ({ fleet, request }) => {
      const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('whole-life'));
      await fleet.run('deleteInstance', { instanceId });
      return { workflowId: `instance/${instanceId}` };
    },
  },
  {
    type: 'instance',
    name: 'held',
    play: async ({ fleet, request }) => {
      const { reached } = fleet.holdAt('createDisks');
      const { firstExecutionRunId } = await fleet.start('buildInstance', request('held'));
      await reached;
      return { workflowId: `instance/${firstExecutionRunId}` };
    },
  },
  {
    type: 'instance',
    name: 'cancelled-by-delete',
    play: async ({ fleet, request }) => ({
      workflowId: `instance/${(await cancelledByDelete(fleet, request('cancelled-for-delete'))).instanceId}`,
    }),
  },
  {
    type: 'instance',
    name: 'abandoned',
    play: async ({ fleet, request }) => {
      const { reached } = fleet.holdAt('createDisks');
      const run = await fleet.start('buildInstance', request('abandoned'));
      await reached;
      await run.terminate();
      const workflowId = `instance/${run.firstExecutionRunId}`;
      await eventually(async () => ((await fleet.record<Instance>(workflowId)).operation === null ? true : null));
      return { workflowId };
    },
  },
  {
    type: 'instance',
    name: 'idle',
    play: async ({ fleet, request }) => {
      const { id } = await fleet.run<Instance>('buildInstance', request('idle'));
      return renewed(fleet, `instance/${id}`);
    },
  },
  { type: 'image', name: 'busy', play: async ({ request }) => ({ workflowId: `image/${request('any').image}` }) },
  {
    type: 'image',
    name: 'deleted',
    play: async ({ fleet }) => {
      const { imageId } = await imported(fleet, 'whole-life');
      await fleet.run('deleteImage', { imageId });
      return { workflowId: `image/${imageId}` };
    },
  },
  { type: 'image', name: 'idle', play: ({ fleet, request }) => renewed(fleet, `image/${request('any').image}`) },
  {
    type: 'network',
    name: 'busy',
    play: async ({ fleet, request }) => {
      await fleet.run('buildInstance', request('network-busy'));
      return { workflowId: 'network/histories' };
    },
  },
  { type: 'network', name: 'idle', play: ({ fleet }) => renewed(fleet, 'network/histories') },
  {
    type: 'host',
    name: 'busy',
    play: async ({ fleet, request }) => {
      const { host } = await fleet.run<Instance>('buildInstance', request('host-busy'));
      return { workflowId: `host/${host}` };
    },
  },
  {
    type: 'host',
    name: 'owing',
    play: async ({ fleet, request }) => {
      const first = burnsOnFirst(fleet);
      awayWhenRemoving(fleet, first);
      await fleet.run('buildInstance', request('host-owing'));
      const owing = first() ?? '';
      await payDebts(fleet.client, owing, async () => {});
      return { workflowId: `host/${owing}` };
    },
  },
  {
    type: 'host',
    name: 'owed-and-paid',
    play: async ({ fleet, request }) => {
      const { id: instanceId, host } = await fleet.run<Instance>('buildInstance', request('owed-and-paid'));
      await whileLost(fleet, host ?? '', () => fleet.run('deleteInstance', { instanceId }));
      return { workflowId: `host/${host}` };
    },
  },
  {
    type: 'host',
    name: 'idle',
    play: async ({ fleet }) => {
      const { name } = await fleet.record<Host>(`host/${stageHosts[0]}`);
      return renewed(fleet, `host/${name}`);
    },
  },
];

/** An image in the store. */
async function imported(fleet: Fleet, name: string): Promise<{ imageId: string }> {
  const { id: imageId } = await fleet.run<Image>('importImage', { name, source: 'file:fake', diskFormat: 'raw' });
  return { imageId };
}

/** Does `work` while a host is down. */
async function whileLost<T>(fleet: Fleet, host: string, work: () => Promise<T>): Promise<T> {
  await fleet.lose(host);
  try {
    return await work();
  } finally {
    await fleet.bringBack(host);
  }
}

/** Does `work` while all hosts keep disks on whole devices. */
async function withWholeDevices<T>({ hosts }: Fleet, work: () => Promise<T>): Promise<T> {
  for (const host of hosts.values()) Object.assign(host, { copiesLong: true, isolates: true });
  const result = await work();
  for (const host of hosts.values()) Object.assign(host, { copiesLong: false, isolates: false });
  return result;
}

/** However it ended. */
async function ended(run: WorkflowHandle): Promise<{ workflowId: string }> {
  await run.result().catch(() => {});
  return run;
}

/** A delete that came while the build of its instance was at its disks, and waited until that had undone itself. */
async function cancelledByDelete(fleet: Fleet, request: object): Promise<{ instanceId: string; deletion: Run }> {
  const { reached } = fleet.holdAt('createDisks');
  const build = await fleet.start('buildInstance', request);
  await reached;
  const instanceId = build.firstExecutionRunId;
  const deletion = await fleet.start('deleteInstance', { instanceId });
  await ended(deletion);
  return { instanceId, deletion };
}

/** A record's run that nobody wrote to: the one after it continued as new, when its first task is done. */
export async function renewed(fleet: Fleet, workflowId: string): Promise<{ workflowId: string; runId: string }> {
  const handle = fleet.client.workflow.getHandle(workflowId);
  const { runId: before } = await handle.describe();
  await handle.executeUpdate('renew');
  return eventually(async () => {
    const { runId, historyLength } = await handle.describe();
    return runId !== before && historyLength >= 4 ? { workflowId, runId } : null;
  });
}
