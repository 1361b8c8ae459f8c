import { ApplicationFailure } from '@temporalio/common';
import type { Instance } from '../../src/model/instance.ts';
import type { FakeMigrations } from '../../test/workflows/fake-migration.ts';
import { eventually, type Run, viewOf } from '../../test/workflows/fleet.ts';
import type { Case, Stage } from './cases.ts';

/** What becomes of a guest that is moved while it runs. */
export const liveMigrateCases: readonly Case[] = [
  moving('clean', 'through', async () => {}),
  moving('asked-at-once', 'through', async () => {}),
  moving('asked-at-once-and-given-up', 'wrong', async () => {}),
  moving('looked-early', 'through', async () => {}),
  moving('looked-early-and-given-up', 'wrong', async () => {}),
  moving('broken-again-and-resumed', 'broken', joinedAgain),
  {
    type: 'liveMigrateInstance',
    name: 'lost-and-made-anew',
    play: async (stage) => {
      const { fleet } = stage;
      const { instanceId, source } = await built(stage, 'lost');
      goes(fleet, source, 'lost');
      fleet.at('dropArrival', async () => goes(fleet, source, 'through'));
      return ended(await fleet.start('liveMigrateInstance', { instanceId }));
    },
  },
  {
    type: 'liveMigrateInstance',
    name: 'with-its-drive',
    play: async (stage) => {
      const hosts = [...stage.fleet.hosts.values()];
      for (const host of hosts) host.carriesDrives = true;
      const { instanceId } = await built(stage, 'drive');
      const run = await ended(await stage.fleet.start('liveMigrateInstance', { instanceId }));
      for (const host of hosts) host.carriesDrives = false;
      return run;
    },
  },
  moving('given-up', 'wrong', async () => {}),
  moving('aborted', 'nowhere', (run) => run.executeUpdate('abort', { args: [{}] })),
  moving('steered-and-forced', 'nowhere', async (run) => {
    await run.executeUpdate('setPolicy', { args: [{ bandwidthMiBps: 100, maxDowntimeMs: 500 }] });
    await run.executeUpdate('forceComplete', { args: [{}] });
  }),
  moving('cancelled', 'nowhere', (run) => run.cancel()),
  moving('broken-and-resumed', 'broken', joinedAgain),
  {
    type: 'liveMigrateInstance',
    name: 'failed-and-undone',
    play: async (stage) => {
      const { fleet } = stage;
      const { instanceId } = await built(stage, 'undone');
      fleet.at('migrateGuest', () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire')));
      return ended(await fleet.start('liveMigrateInstance', { instanceId }));
    },
  },
];

/** What is done while a guest moves. */
type Meanwhile = (run: Run, stage: Stage, source: string) => Promise<unknown>;

async function joinedAgain(...[run, { fleet }, source]: Parameters<Meanwhile>): Promise<void> {
  await eventually(async () => (await viewOf(run)).parked);
  goes(fleet, source, 'through');
  await run.executeUpdate('retry', { args: [{ reason: 'the cable is in again' }] });
}

function moving(name: string, how: FakeMigrations['migrationsGo'], meanwhile: Meanwhile): Case {
  const play = async (stage: Stage) => {
    const { fleet } = stage;
    const { instanceId, source } = await built(stage, name);
    goes(fleet, source, how);
    try {
      const run = await fleet.start('liveMigrateInstance', { instanceId });
      if (how === 'nowhere') await eventually(async () => fleet.hosts.get(source)?.migrations.get(instanceId) ?? null);
      await meanwhile(run, stage, source);
      return await ended(run);
    } finally {
      goes(fleet, source, 'through');
    }
  };
  return { type: 'liveMigrateInstance', name, play };
}

function goes(fleet: Stage['fleet'], source: string, how: FakeMigrations['migrationsGo']): void {
  const host = fleet.hosts.get(source);
  if (host === undefined) throw new Error(`there is no host ${source}`);
  host.migrationsGo = how;
}

async function built({ fleet, request }: Stage, name: string): Promise<{ readonly instanceId: string; readonly source: string }> {
  const { id: instanceId, host } = await fleet.run<Instance>('buildInstance', request(`live-${name}`));
  return { instanceId, source: host ?? '' };
}

/** However it ended. */
async function ended(run: Run): Promise<{ workflowId: string }> {
  await run.result().catch(() => {});
  return run;
}
