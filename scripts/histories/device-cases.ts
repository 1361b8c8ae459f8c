import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Instance } from '../../src/model/instance.ts';
import { eventually } from '../../test/workflows/fleet.ts';
import type { Case, Stage } from './cases.ts';

const flavor = { name: 'larger', vcpus: 2, memoryMiB: 128, rootGiB: 2 };

/** What becomes of instances on whole devices that move. */
export const deviceCases: readonly Case[] = [
  decided('device-confirmed', 'confirm'),
  decided('device-reverted', 'revert'),
  {
    type: 'resizeInstance',
    name: 'device-undone',
    play: onDevices(async ({ fleet }, instanceId) => {
      fleet.at('placeDisks', () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire')));
      return fleet.start('resizeInstance', { instanceId, flavor, onFailure: 'rollback' });
    }),
  },
  {
    type: 'resizeInstance',
    name: 'device-not-given',
    play: onDevices(async ({ fleet }, instanceId) => {
      fleet.at('giveDevices', () => Promise.reject(ApplicationFailure.nonRetryable('nobody answers', 'LibvirtUnreachable')));
      return fleet.start('resizeInstance', { instanceId, flavor });
    }),
  },
  {
    type: 'liveMigrateInstance',
    name: 'device',
    play: onDevices(async ({ fleet }, instanceId) => fleet.start('liveMigrateInstance', { instanceId })),
  },
  {
    type: 'liveMigrateInstance',
    name: 'device-given-up',
    play: onDevices(async ({ fleet }, instanceId) => {
      for (const host of fleet.hosts.values()) host.migrationsGo = 'wrong';
      const run = await fleet.start('liveMigrateInstance', { instanceId });
      await run.result().catch(() => {});
      for (const host of fleet.hosts.values()) host.migrationsGo = 'through';
      return run;
    }),
  },
];

function decided(name: string, decision: 'confirm' | 'revert'): Case {
  const play = onDevices(async ({ fleet }, instanceId) => {
    const run = await fleet.start('resizeInstance', { instanceId, flavor });
    await eventually(async () => ((await fleet.record<Instance>(`instance/${instanceId}`)).vmState === 'resized' ? true : null));
    await run.executeUpdate(decision, { args: [{}] });
    return run;
  });
  return { type: 'resizeInstance', name, play };
}

/** Plays it while all hosts keep disks on whole devices, which carry something when an instance comes to them. */
function onDevices(play: (stage: Stage, instanceId: string) => Promise<WorkflowHandle>): Case['play'] {
  return async (stage) => {
    const hosts = [...stage.fleet.hosts.values()];
    for (const host of hosts) Object.assign(host, { copiesLong: true, isolates: true, areDevicesDirty: true });
    const { id } = await stage.fleet.run<Instance>('buildInstance', stage.request('on-a-device'));
    const run = await play(stage, id);
    await run.result().catch(() => {});
    for (const host of hosts) Object.assign(host, { copiesLong: false, isolates: false, areDevicesDirty: false });
    return run;
  };
}
