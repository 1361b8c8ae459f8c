import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PinnedCpus } from '../../src/model/cpus/placement.ts';
import type { Host } from '../../src/model/host.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { Finding } from '../../src/model/verify/finding.ts';
import { core } from '../model/cpus/hosts.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, leftOvers, startFleet } from './fleet.ts';

const isLong = process.env['NOVAFLOW_TEST_ALL'] === '1';

let fleet: Fleet;
/** The id of an instance that has CPUs 4 and 5 of the second host. */
let blocker: string;
let request: Awaited<ReturnType<typeof furnish>>;
const network = 'dedicated';
const [one, two] = ['dedicated-1', 'dedicated-2'] as const;
const flavor = { name: 'pinned', vcpus: 2, memoryMiB: 64, rootGiB: 1, extraSpecs: { 'hw:cpu_policy': 'dedicated' } };
const larger = { ...flavor, name: 'larger', memoryMiB: 128 };

// Each host has two cores of two threads for guests that have theirs alone.
beforeAll(async () => {
  fleet = await startFleet([one, two], { guestCpus: { dedicated: [core(0, 4, 5), core(0, 6, 7)], shared: [0, 1, 2, 3] } });
  request = await furnish(fleet, network);
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

test('instances with CPUs of their own never get the same, however many are built at once, and the rest is told why there is none', async () => {
  const builds = await Promise.all([1, 2, 3, 4, 5].map((n) => fleet.start('buildInstance', pinned(`at-once-${n}`))));
  const ends = await Promise.allSettled(builds.map((build) => build.result() as Promise<Instance>));
  const built = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  expect(built.map(({ host, pinnedCpus }) => `${host} ${pinnedCpus}`).sort()).toEqual([
    `${one} 4,5`,
    `${one} 6,7`,
    `${two} 4,5`,
    `${two} 6,7`,
  ]);
  for (const { id, host, pinnedCpus } of built) {
    expect(pinsOf(id)).toEqual({ [host ?? '']: pinnedCpus });
    expect((await claimsOf(id)).map(({ cpus }) => cpus?.pinned)).toEqual([pinnedCpus]);
  }
  const message = expect.stringContaining('has 0 of 4 dedicated CPUs free, 2 wanted');
  const sixth = await fleet.start('buildInstance', pinned('at-once-6'));
  expect(await endOf(sixth)).toMatchObject({ type: 'NoValidHost', message });
  expect(await recordOf(sixth.firstExecutionRunId)).toMatchObject({ vmState: 'error', host: null });

  // Their threads on the cores of another are nobody's business but the thread policy's, and shared CPUs are not theirs.
  expect((await fleet.record<Host>(`host/${one}`)).used.vcpus).toBe(0);
  await Promise.all(built.map(({ id }) => fleet.run('deleteInstance', { instanceId: id })));
  expect((await fleet.record<Host>(`host/${one}`)).claims).toEqual([]);
});

test('an instance whose build goes to another host has the CPUs of that one, and the first has its own back', async () => {
  let failed: string | null = null;
  fleet.at('startPaused', async (_point, { host }) => {
    failed ??= host;
    if (host === failed) throw ApplicationFailure.nonRetryable('QEMU does not start', 'QemuBroken');
  });
  const { id, host } = await fleet.run<Instance>('buildInstance', pinned('rescheduled'));
  expect(host).not.toBe(failed);
  expect(pinsOf(id)).toEqual({ [host ?? '']: [4, 5] });
  expect((await fleet.record<Host>(`host/${failed}`)).claims).toEqual([]);
  await fleet.run('deleteInstance', { instanceId: id });
});

if (isLong)
  test('a build that fails leaves an instance that has no CPUs, nor a host that has fewer', async () => {
    fleet.at('startPaused', () => Promise.reject(ApplicationFailure.nonRetryable('the image is no image', 'ImageUnacceptable')));
    const build = await fleet.start('buildInstance', pinned('fails'));
    expect(await endOf(build)).toMatchObject({ type: 'ImageUnacceptable' });
    expect(await recordOf(build.firstExecutionRunId)).toMatchObject({ vmState: 'error', host: null, pinnedCpus: null });
    expect(await leftOvers(fleet, build.firstExecutionRunId, network)).toEqual([]);
  });

if (isLong)
  test('an instance of which one vCPU has a CPU for itself shares the others, wherever it goes', async () => {
    const extraSpecs = { 'hw:cpu_policy': 'mixed', 'hw:cpu_dedicated_mask': '^0-1' };
    const mixed = { ...flavor, name: 'mixed', vcpus: 3, extraSpecs };
    const { id, host, pinnedCpus } = await fleet.run<Instance>('buildInstance', { ...request('mixed'), flavor: mixed });
    expect(pinnedCpus).toEqual([null, null, 4]);
    expect(pinsOf(id)).toEqual({ [host ?? '']: pinnedCpus });
    expect(await fleet.record<Host>(`host/${host}`)).toMatchObject({ claims: [{ vcpus: 3, cpus: { pinned: [4] } }], used: { vcpus: 2 } });
    expect(await fleet.run('liveMigrateInstance', { instanceId: id })).toMatchObject({ host: host === one ? two : one, pinnedCpus });
    const { findings } = await fleet.run<{ findings: Finding[] }>('verify', { hosts: [one, two] });
    expect(findings.filter(({ kind }) => kind === 'PinningDiffers')).toEqual([]);
    await gone(id);
  });

describe('an instance with CPUs 4 and 5 of its host', () => {
  // Those of the second are another's.
  beforeAll(async () => {
    await fleet.run('disableHost', { host: one });
    blocker = (await fleet.run<Instance>('buildInstance', pinned('blocker'))).id;
    await fleet.run('enableHost', { host: one });
  });

  test('has others where it is migrated to, keeps them when that is confirmed, and defined anew it is on them still', async () => {
    const { id, run } = await moved('migrateInstance', 'confirmed');
    expect(await recordOf(id)).toMatchObject({ host: two, pinnedCpus: [6, 7], migration: { oldPinnedCpus: [4, 5] } });
    expect(pinsOf(id)).toMatchObject({ [two]: [6, 7] });
    expect((await claimsOf(id)).map(({ cpus }) => cpus?.pinned)).toEqual([
      [4, 5],
      [6, 7],
    ]);
    await run.executeUpdate('confirm', { args: [{}] });
    expect(await run.result()).toMatchObject({ host: two, pinnedCpus: [6, 7] });
    expect((await claimsOf(id)).map(({ cpus }) => cpus?.pinned)).toEqual([[6, 7]]);
    await fleet.run('rebootInstance', { instanceId: id, mode: 'hard' });
    expect(pinsOf(id)).toMatchObject({ [two]: [6, 7] });
    await gone(id);
  });

  if (isLong)
    test('has those again when its resize is reverted, on this host', async () => {
      const { id, run } = await moved('resizeInstance', 'reverted');
      expect(await recordOf(id)).toMatchObject({ host: two, pinnedCpus: [6, 7] });
      await run.executeUpdate('revert', { args: [{}] });
      expect(await run.result()).toMatchObject({ host: one, pinnedCpus: [4, 5], migration: null });
      expect(pinsOf(id)).toMatchObject({ [one]: [4, 5] });
      expect((await claimsOf(id)).map(({ cpus }) => cpus?.pinned)).toEqual([[4, 5]]);
      await gone(id);
    });

  if (isLong)
    test('has those still when its resize fails at its last step, and is on them', async () => {
      const id = await built('undone');
      fleet.at('bootDomain', async (_point, { host }) => {
        if (host === two) throw ApplicationFailure.nonRetryable('QEMU does not start', 'QemuBroken');
      });
      const run = await fleet.start('resizeInstance', { instanceId: id, flavor: larger, host: two, onFailure: 'rollback' });
      expect(await endOf(run)).toMatchObject({ type: 'OperationFailed' });
      expect(await recordOf(id)).toMatchObject({ host: one, pinnedCpus: [4, 5], migration: null });
      expect(pinsOf(id)).toMatchObject({ [one]: [4, 5] });
      expect((await claimsOf(id)).map(({ cpus }) => cpus?.pinned)).toEqual([[4, 5]]);
      await gone(id);
    });

  if (isLong)
    test('has none with a flavor that shares them, and has them again when that is reverted', async () => {
      const id = await built('sharing');
      const shared = { name: 'shared', vcpus: 2, memoryMiB: 128, rootGiB: 1 };
      const run = await fleet.start('resizeInstance', { instanceId: id, flavor: shared, host: two });
      await resizedOf(id);
      expect(await recordOf(id)).toMatchObject({ host: two, pinnedCpus: null });
      expect(pinsOf(id)).toEqual({ [one]: [4, 5] });
      await run.executeUpdate('revert', { args: [{}] });
      expect(await run.result()).toMatchObject({ host: one, pinnedCpus: [4, 5] });
      expect(pinsOf(id)).toEqual({ [one]: [4, 5] });
      await gone(id);
    });

  test('is moved while its guest runs to those that its destination gives it, and stays on its own when it does not get there', async () => {
    const id = await built('live');
    const source = fleet.hosts.get(one);
    if (source === undefined) throw new Error('there is no such host');
    source.migrationsGo = 'wrong';
    expect(await endOf(await fleet.start('liveMigrateInstance', { instanceId: id, host: two }))).toMatchObject({ type: 'OperationFailed' });
    source.migrationsGo = 'through';
    expect(await recordOf(id)).toMatchObject({ host: one, pinnedCpus: [4, 5] });
    expect((await claimsOf(id)).map(({ cpus }) => cpus?.pinned)).toEqual([[4, 5]]);

    expect(await fleet.run('liveMigrateInstance', { instanceId: id, host: two })).toMatchObject({ host: two, pinnedCpus: [6, 7] });
    expect(pinsOf(id)).toMatchObject({ [two]: [6, 7] });
    expect((await claimsOf(id)).map(({ cpus }) => cpus?.pinned)).toEqual([[6, 7]]);
    await gone(id);
  });

  if (isLong)
    test('goes nowhere where there are not as many, with nothing touched', async () => {
      const id = await built('stays');
      const { id: second } = await fleet.run<Instance>('buildInstance', { ...pinned('second'), hints: { same_host: blocker } });
      for (const type of ['migrateInstance', 'liveMigrateInstance']) {
        const message = expect.stringContaining('has 0 of 4 dedicated CPUs free, 2 wanted');
        expect(await endOf(await fleet.start(type, { instanceId: id, host: two }))).toMatchObject({ type: 'NoValidHost', message });
        expect(await recordOf(id)).toMatchObject({ vmState: 'active', host: one, pinnedCpus: [4, 5] });
      }
      await gone(second);
      await gone(id);
    });
});

const recordOf = (id: string) => fleet.record<Instance>(`instance/${id}`);

function pinned(name: string) {
  return { ...request(name), flavor };
}

/** On which CPUs a guest is, by host. */
function pinsOf(id: string): Record<string, PinnedCpus | undefined> {
  return Object.fromEntries(
    [...fleet.hosts].filter(([, { guests, pins }]) => guests.has(id) && pins.has(id)).map(([name, { pins }]) => [name, pins.get(id)]),
  );
}

/** What an instance has claimed, on the first host and on the second. */
async function claimsOf(id: string) {
  const records = await Promise.all([one, two].map((name) => fleet.record<Host>(`host/${name}`)));
  return records.flatMap(({ claims }) => claims.filter(({ instanceId }) => instanceId === id));
}

/** An instance on the first host. */
async function built(name: string): Promise<string> {
  return (await fleet.run<Instance>('buildInstance', { ...pinned(name), hints: { different_host: blocker } })).id;
}

async function moved(type: 'migrateInstance' | 'resizeInstance', name: string) {
  const id = await built(name);
  const run = await fleet.start(type, { instanceId: id, host: two, ...(type === 'resizeInstance' ? { flavor: larger } : {}) });
  await resizedOf(id);
  return { id, run };
}

function resizedOf(id: string): Promise<true> {
  return eventually(async () => ((await recordOf(id)).vmState === 'resized' ? true : null));
}

async function gone(id: string): Promise<void> {
  await fleet.run('deleteInstance', { instanceId: id });
  expect(await leftOvers(fleet, id, network)).toEqual([]);
}
