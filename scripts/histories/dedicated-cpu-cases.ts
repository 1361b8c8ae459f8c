import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Instance } from '../../src/model/instance.ts';
import { eventually } from '../../test/workflows/fleet.ts';
import type { Case, Stage } from './cases.ts';

const flavor = { name: 'pinned', vcpus: 2, memoryMiB: 64, rootGiB: 1, extraSpecs: { 'hw:cpu_policy': 'dedicated' } };
const larger = { ...flavor, name: 'pinned-larger', memoryMiB: 128 };

/** What becomes of instances that have CPUs of their hosts for themselves. */
export const dedicatedCpuCases: readonly Case[] = [
  {
    type: 'buildInstance',
    name: 'dedicated-cpus',
    play: async (stage) => ended(await stage.fleet.start('buildInstance', pinned(stage, 'pinned'))),
  },
  {
    type: 'buildInstance',
    name: 'dedicated-cpus-rescheduled',
    play: async (stage) => {
      let first: string | null = null;
      stage.fleet.at('startPaused', async (_point, { host }) => {
        first ??= host;
        if (host === first) await fails();
      });
      return ended(await stage.fleet.start('buildInstance', pinned(stage, 'pinned-elsewhere')));
    },
  },
  {
    type: 'buildInstance',
    name: 'dedicated-cpus-too-few',
    play: async (stage) => {
      const request = { ...pinned(stage, 'pinned-nowhere'), flavor: { ...flavor, vcpus: 100 } };
      return ended(await stage.fleet.start('buildInstance', request));
    },
  },
  { type: 'migrateInstance', name: 'dedicated-cpus-confirmed', play: decided('confirm', { type: 'migrateInstance' }) },
  { type: 'migrateInstance', name: 'dedicated-cpus-reverted', play: decided('revert', { type: 'migrateInstance' }) },
  { type: 'resizeInstance', name: 'dedicated-cpus-reverted', play: decided('revert', { type: 'resizeInstance', flavor: larger }) },
  {
    type: 'resizeInstance',
    name: 'dedicated-cpus-undone',
    play: async (stage) => {
      const { fleet } = stage;
      const { id: instanceId, host } = await fleet.run<Instance>('buildInstance', pinned(stage, 'pinned-stays'));
      fleet.at('bootDomain', (_point, info) => (info.host === host ? Promise.resolve() : fails()));
      const elsewhere = [...fleet.hosts.keys()].find((name) => name !== host);
      return ended(await fleet.start('resizeInstance', { instanceId, flavor: larger, host: elsewhere, onFailure: 'rollback' }));
    },
  },
  {
    type: 'liveMigrateInstance',
    name: 'dedicated-cpus',
    play: async (stage) => {
      const { id: instanceId } = await stage.fleet.run<Instance>('buildInstance', pinned(stage, 'pinned-live'));
      return ended(await stage.fleet.start('liveMigrateInstance', { instanceId }));
    },
  },
  {
    type: 'liveMigrateInstance',
    name: 'mixed-cpus',
    play: async (stage) => {
      const extraSpecs = { 'hw:cpu_policy': 'mixed', 'hw:cpu_dedicated_mask': '1' };
      const request = { ...pinned(stage, 'mixed-live'), flavor: { ...flavor, extraSpecs } };
      const { id: instanceId } = await stage.fleet.run<Instance>('buildInstance', request);
      return ended(await stage.fleet.start('liveMigrateInstance', { instanceId }));
    },
  },
  {
    type: 'host',
    name: 'dedicated-cpus',
    play: async (stage) => {
      const { host } = await stage.fleet.run<Instance>('buildInstance', pinned(stage, 'pinned-busy'));
      return { workflowId: `host/${host}` };
    },
  },
];

function pinned({ request }: Stage, name: string) {
  return { ...request(name), flavor };
}

function fails(): Promise<never> {
  return Promise.reject(ApplicationFailure.nonRetryable('QEMU does not start', 'QemuBroken'));
}

function decided(decision: 'confirm' | 'revert', { type, ...input }: { readonly type: string; readonly flavor?: object }): Case['play'] {
  return async (stage) => {
    const { fleet } = stage;
    const { id: instanceId } = await fleet.run<Instance>('buildInstance', pinned(stage, `pinned-${decision}`));
    const run = await fleet.start(type, { instanceId, ...input });
    await eventually(async () => ((await fleet.record<Instance>(`instance/${instanceId}`)).vmState === 'resized' ? true : null));
    await run.executeUpdate(decision, { args: [{}] });
    return ended(run);
  };
}

/** However it ended. */
async function ended(run: WorkflowHandle): Promise<WorkflowHandle> {
  await run.result().catch(() => {});
  return run;
}
