import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../../src/model/host.ts';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import type { FakeMigrations } from './fake-migration.ts';
import { eventually, type Fleet, furnish, type HostStep, leftOvers, type Run, startFleet, viewOf } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const [one, two, three] = ['live-1', 'live-2', 'live-3'] as const;
const network = 'live';
const isLong = process.env['NOVAFLOW_TEST_ALL'] === '1';

beforeAll(async () => {
  fleet = await startFleet([one, two, three]);
  request = await furnish(fleet, network);
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => {
  fleet.leaveAlone();
  hostOf(one).migrationsGo = 'through';
});

const burns = () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire'));
const recordOf = (instanceId: string) => fleet.record<Instance>(`instance/${instanceId}`);
const hostOf = (name: string) => {
  const host = fleet.hosts.get(name);
  if (host === undefined) throw new Error(`there is no host ${name}`);
  return host;
};

/** A running instance on the first host. */
async function built(name: string): Promise<string> {
  for (const other of [two, three]) await fleet.run('disableHost', { host: other });
  try {
    return (await fleet.run<Instance>('buildInstance', request(name))).id;
  } finally {
    for (const other of [two, three]) await fleet.run('enableHost', { host: other });
  }
}

const migrate = (instanceId: string, more: object = {}) => fleet.start('liveMigrateInstance', { instanceId, host: two, ...more });

/** A migration of which QEMU does what the first host's migrations do, once it is on its way. */
async function onItsWay(instanceId: string, goes: FakeMigrations['migrationsGo'], more: object = {}): Promise<Run> {
  hostOf(one).migrationsGo = goes;
  const run = await migrate(instanceId, more);
  await eventually(async () => hostOf(one).migrations.get(instanceId) ?? null);
  return run;
}

/** A migration that loses a host just before a step, and of which QEMU does this. */
async function losing(host: string, step: HostStep, instanceId: string, goes: FakeMigrations['migrationsGo']): Promise<Run> {
  const { reached, release } = fleet.holdAt(step);
  hostOf(one).migrationsGo = goes;
  const run = await migrate(instanceId);
  await reached;
  await fleet.lose(host);
  release();
  return run;
}

const steer = (run: WorkflowHandle, update: string, request: object = {}) =>
  run.executeUpdate<object, [object]>(update, { args: [request] });

async function claimsOn(host: string, instanceId: string): Promise<readonly string[]> {
  const { claims } = await fleet.record<Host>(`host/${host}`);
  return claims.filter((claim) => claim.instanceId === instanceId).map(({ id }) => id.split('/')[0] ?? '');
}

/** What the hosts have of the instance. */
function placeOf(instanceId: string): Record<string, string> {
  const seen = [one, two, three].map((name) => {
    const { guests, disks } = hostOf(name);
    return [name, [guests.get(instanceId) ?? '', disks.has(instanceId) ? 'disks' : ''].filter((part) => part !== '').join(' ')] as const;
  });
  return Object.fromEntries(seen.filter(([, what]) => what !== ''));
}

const onFirst = { vmState: 'active', powerState: 'running', taskState: null, host: one, migration: null } as const;

async function requireAsBefore(instanceId: string): Promise<void> {
  expect(await recordOf(instanceId)).toMatchObject(onFirst);
  expect(placeOf(instanceId)).toEqual({ [one]: 'running disks' });
  expect([await claimsOn(one, instanceId), await claimsOn(two, instanceId)]).toEqual([[instanceId], []]);
}

async function requireMoved(instanceId: string, guest = 'running'): Promise<void> {
  expect(await recordOf(instanceId)).toMatchObject({ taskState: null, host: two, migration: null, fault: null });
  expect(placeOf(instanceId)).toEqual({ [two]: `${guest} disks` });
  expect([await claimsOn(one, instanceId), await claimsOn(two, instanceId)]).toEqual([[], [instanceId]]);
}

describe('a live migration', () => {
  test('moves a guest that runs, and tells the record of both hosts meanwhile', async () => {
    const instanceId = await built('moves');
    const run = await onItsWay(instanceId, 'nowhere');
    expect(await recordOf(instanceId)).toMatchObject({
      ...onFirst,
      taskState: 'migrating',
      migration: { type: 'live-migration', source: one, destination: two, storage: 'separate', oldVmState: 'active' },
    });
    expect([await claimsOn(one, instanceId), await claimsOn(two, instanceId)]).toEqual([['migration'], [instanceId]]);
    hostOf(one).migrationsGo = 'through';
    expect(await run.result()).toMatchObject({ vmState: 'active', powerState: 'running', host: two });
    await requireMoved(instanceId);
  });

  test('sends the config drive to who listens for it, before the guest goes', async () => {
    const instanceId = await built('drive');
    hostOf(two).carriesDrives = true;
    const run = await migrate(instanceId);
    await run.result();
    hostOf(two).carriesDrives = false;
    const done = (await viewOf(run)).steps.map(({ name }) => name);
    const sending = ['prepareLiveArrival', 'sendFiles', 'sealFiles', 'migrateGuest'];
    expect(done.filter((name) => sending.includes(name))).toEqual(sending);
    await requireMoved(instanceId);
  });

  test('that loses libvirtd on the way is made anew, with nothing left of the try before', async () => {
    const instanceId = await built('lost');
    hostOf(one).migrationsGo = 'lost';
    const left: unknown[] = [];
    fleet.at('dropArrival', async (point) => {
      if (point === 'after') left.push(placeOf(instanceId));
      hostOf(one).migrationsGo = 'through';
    });
    const run = await migrate(instanceId);
    await run.result();
    const again = ['prepareLiveArrival', 'migrateGuest'];
    const done = (await viewOf(run)).steps.flatMap(({ name, note }) => (again.includes(name) ? [[name, note]] : []));
    expect(done).toEqual([
      ['prepareLiveArrival', undefined],
      ['migrateGuest', 'libvirtd was lost on the way: the guest stayed'],
      ['prepareLiveArrival', undefined],
      ['migrateGuest', undefined],
    ]);
    expect(left).toEqual([{ [one]: 'running disks' }]);
    await requireMoved(instanceId);
  });

  test('that waits to be made anew leaves the guest where it is when it is cancelled', async () => {
    const instanceId = await built('lost-and-cancelled');
    const run = await onItsWay(instanceId, 'lost');
    await eventually(async () => (await viewOf(run)).steps.find(({ name, note }) => name === 'migrateGuest' && note !== undefined) ?? null);
    await run.cancel();
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    await requireAsBefore(instanceId);
  });

  test('moves a guest that is paused, which is paused there', async () => {
    const instanceId = await built('paused');
    await fleet.run('pauseInstance', { instanceId });
    expect(await (await migrate(instanceId)).result()).toMatchObject({ vmState: 'paused', powerState: 'paused', host: two });
    await requireMoved(instanceId, 'paused');
  });

  test('copies nothing between hosts that see the same files, and refuses to copy them onto themselves', async () => {
    const instanceId = await built('shared');
    const ownProbes = hostOf(two).probes;
    hostOf(two).probes = hostOf(one).probes;
    const refused = await endOf(await migrate(instanceId, { blockMigration: 'yes' }));
    const run = await onItsWay(instanceId, 'nowhere');
    const { migration } = await recordOf(instanceId);
    hostOf(one).migrationsGo = 'through';
    await run.result();
    hostOf(two).probes = ownProbes;
    expect(refused).toMatchObject({ type: 'MigrationPreCheckError', message: expect.stringContaining('both hosts share') });
    expect(migration).toMatchObject({ storage: 'shared' });
    await requireMoved(instanceId);
  });

  test('that QEMU gives up leaves the guest where it was, and says why', async () => {
    const instanceId = await built('wrong');
    hostOf(one).migrationsGo = 'wrong';
    expect(await endOf(await migrate(instanceId))).toMatchObject({
      type: 'OperationFailed',
      message: `the guest did not go to ${two}: QEMU gave it up`,
    });
    await requireAsBefore(instanceId);
  });

  test('of an instance that is being migrated already is refused, as is what would disturb it', async () => {
    const instanceId = await built('busy');
    const run = await onItsWay(instanceId, 'nowhere');
    for (const type of ['liveMigrateInstance', 'pauseInstance', 'suspendInstance', 'stopInstance'])
      expect(await endOf(await fleet.start(type, { instanceId }))).toMatchObject({ type: 'InstanceBusy' });
    hostOf(one).migrationsGo = 'through';
    await run.result();
  });
});

describe('a destination', () => {
  test('that refuses is followed by its alternate, and keeps nothing', async () => {
    const instanceId = await built('refused');
    hostOf(two).refusesArrivals = 'its processor is not that of the guest';
    const { host } = await fleet.run<Instance>('liveMigrateInstance', { instanceId });
    hostOf(two).refusesArrivals = null;
    expect(host).toBe(three);
    expect(placeOf(instanceId)).toEqual({ [three]: 'running disks' });
    expect(await claimsOn(two, instanceId)).toEqual([]);
  });

  test.for([
    ['refuses', 'MigrationPreCheckError', 'its processor is not that of the guest'],
    ['has disks of the instance', 'DestinationDiskExists', 'it has disk'],
  ] as const)('that was asked for and %s ends it with that reason', async ([what, type, message]) => {
    const instanceId = await built('refused-alone');
    if (what === 'refuses') hostOf(two).refusesArrivals = message;
    else hostOf(two).disks.add(instanceId);
    const end = await endOf(await migrate(instanceId));
    hostOf(two).refusesArrivals = null;
    expect(end).toMatchObject({ type, message: expect.stringContaining(message) });
    hostOf(two).disks.delete(instanceId); // what it had stayed
    await requireAsBefore(instanceId);
  });

  test('is another host than the source, is there, and an administrator’s choice; the guest is on', async () => {
    const instanceId = await built('bad');
    const bad = async (more: object) => endOf(await migrate(instanceId, more));
    expect(await bad({ host: one })).toMatchObject({ type: 'InvalidRequest', details: { fields: [{ field: 'host' }] } });
    expect(await bad({ host: 'nowhere' })).toMatchObject({ type: 'HostNotFound' });
    expect(await bad({ postCopy: true, autoConverge: true })).toMatchObject({
      type: 'InvalidRequest',
      details: { fields: [{ field: 'postCopy' }] },
    });
    await fleet.run('stopInstance', { instanceId });
    expect(await bad({})).toMatchObject({ type: 'InvalidState', message: expect.stringContaining('start it first') });
  });
});

describe('while it runs it', () => {
  test('is aborted, and the guest stays', async () => {
    const instanceId = await built('aborted');
    const run = await onItsWay(instanceId, 'nowhere');
    await steer(run, 'abort');
    expect(await endOf(run)).toMatchObject({ type: 'OperationFailed', message: expect.stringContaining('it was aborted after') });
    await requireAsBefore(instanceId);
  });

  test('is made to end', async () => {
    const instanceId = await built('forced');
    const run = await onItsWay(instanceId, 'nowhere');
    await steer(run, 'forceComplete');
    expect(await run.result()).toMatchObject({ host: two });
  });

  test('goes on by another policy, and refuses one that is none', async () => {
    const instanceId = await built('steered');
    const run = await onItsWay(instanceId, 'nowhere');
    await steer(run, 'setPolicy', { bandwidthMiBps: 100, maxDowntimeMs: 500 });
    for (const bad of [{ bandwidthMiBps: -1 }, { maxDowntimeMs: 0.5 }, { host: three }])
      await expect(steer(run, 'setPolicy', bad)).rejects.toMatchObject({ cause: { type: 'InvalidRequest' } });
    hostOf(one).migrationsGo = 'through';
    await run.result();
  });

  test('is steered, and not before or after', async () => {
    const instanceId = await built('early');
    const { reached, release } = fleet.holdAt('prepareLiveArrival');
    const run = await migrate(instanceId);
    await reached;
    await expect(steer(run, 'abort')).rejects.toMatchObject({ cause: { type: 'InvalidState' } });
    release();
    await run.result();
  });

  test('is cancelled, and the guest stays', async () => {
    const instanceId = await built('cancelled');
    const run = await onItsWay(instanceId, 'nowhere');
    await run.cancel();
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    await requireAsBefore(instanceId);
  });

  test('is past its switch neither aborted nor cancelled', async () => {
    const instanceId = await built('switched');
    const run = await onItsWay(instanceId, 'into post-copy');
    await eventually(async () => hostOf(one).migrations.get(instanceId)?.isSwitched || null);
    await expect(steer(run, 'abort')).rejects.toMatchObject({ cause: { type: 'InvalidState' } });
    await run.cancel();
    hostOf(one).migrationsGo = 'through';
    expect(await endOf(run)).toBeNull();
    await requireMoved(instanceId);
  });

  test('and of which the destination has all by then, though its source never hears of it, has arrived', async () => {
    const instanceId = await built('whole');
    const run = await onItsWay(instanceId, 'broken');
    await eventually(async () => (await viewOf(run)).parked);
    hostOf(two).guests.set(instanceId, 'running');
    hostOf(one).migrationsGo = 'nowhere';
    const tries = async () => (await viewOf(run)).steps.filter(({ name }) => name === 'migrateGuest').length;
    const before = await tries();
    await steer(run, 'retry', { reason: 'look again' });
    expect(await endOf(run)).toBeNull();
    expect(await tries()).toBe(before);
    await requireMoved(instanceId);
  });
});

describe('a post-copy that broke off', () => {
  test('is taken up again, by an operator where that fails; a cancel changes nothing', async () => {
    const instanceId = await built('broken');
    const run = await onItsWay(instanceId, 'broken');
    expect(await eventually(async () => (await viewOf(run)).parked)).toMatchObject({ step: 'migrateGuest', host: one });
    await run.cancel();
    hostOf(one).migrationsGo = 'through';
    await steer(run, 'retry', { reason: 'the cable is in again' });
    expect(await endOf(run)).toBeNull();
    await requireMoved(instanceId);
  });
});

describe('a step that does not succeed leaves the guest running where it was:', () => {
  const steps: readonly HostStep[] = [
    'checkGuestMoves',
    'planLiveArrival',
    'checkTakesGuest',
    'reachDestination',
    'prepareLiveArrival',
    'migrateGuest',
  ];
  /** All of them take twenty seconds. */
  const some = isLong ? steps : steps.filter((step) => ['planLiveArrival', 'prepareLiveArrival', 'migrateGuest'].includes(step));

  test.for(some)('%s fails', async (step) => {
    const instanceId = await built(`fails-${step}`);
    fleet.at(step, burns);
    expect(await endOf(await migrate(instanceId))).toMatchObject({ type: 'OperationFailed', message: expect.stringContaining('burns') });
    await requireAsBefore(instanceId);
  });

  test.for(some)('%s is cancelled', async (step) => {
    const instanceId = await built(`cancelled-${step}`);
    const { reached } = fleet.holdAt(step);
    const run = await migrate(instanceId);
    await reached;
    fleet.leaveAlone();
    await run.cancel();
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    await requireAsBefore(instanceId);
  });
});

test('a guest that has arrived is its destination’s whatever became of the step that sent it', async () => {
  const instanceId = await built('arrived');
  fleet.at('migrateGuest', async (point) => (point === 'after' ? burns() : undefined));
  expect(await (await migrate(instanceId)).result()).toMatchObject({ host: two });
  await requireMoved(instanceId);
});

test('a destination that does not make the guest its own is not left: an operator is asked', async () => {
  const instanceId = await built('parks');
  fleet.at('adoptGuest', burns);
  const run = await migrate(instanceId);
  expect(await eventually(async () => (await viewOf(run)).parked)).toMatchObject({ step: 'adoptGuest', host: two });
  fleet.leaveAlone();
  await steer(run, 'retry', { reason: 'the fire is out' });
  await run.result();
  await requireMoved(instanceId);
});

/** They wait for hosts that are silent. */
if (isLong) {
  test('a source that is lost once the guest has left owes what it has, and does it when it is back', async () => {
    const instanceId = await built('owed');
    const run = await losing(one, 'sightOfGuest', instanceId, 'unanswered');
    expect(await run.result()).toMatchObject({ host: two });
    expect((await fleet.record<Host>(`host/${one}`)).debts).toEqual([expect.objectContaining({ instanceId })]);
    hostOf(one).disks.add(instanceId);
    await fleet.bringBack(one);
    await requireMoved(instanceId);
  });

  test('a destination that is lost before the guest comes owes what was made there', async () => {
    const instanceId = await built('lost');
    const { reached } = fleet.holdAt('migrateGuest');
    const run = await migrate(instanceId);
    await reached;
    await fleet.lose(two);
    fleet.leaveAlone();
    await run.cancel();
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    await fleet.bringBack(two);
    await requireAsBefore(instanceId);
  });

  test('a destination that is away when the guest is to be sent anew is left, with what was made there as its debt', async () => {
    const instanceId = await built('away');
    const run = await losing(two, 'migrateGuest', instanceId, 'lost');
    const message = `the guest did not go to ${two}: libvirtd was lost on the way, and ${two} is away`;
    expect(await endOf(run)).toMatchObject({ type: 'OperationFailed', message });
    expect((await fleet.record<Host>(`host/${two}`)).debts).toEqual([expect.objectContaining({ instanceId })]);
    await fleet.bringBack(two);
    await requireAsBefore(instanceId);
  });
}

describe('a delete', () => {
  test('of an instance whose guest is on its way leaves nothing anywhere', async () => {
    const instanceId = await built('deleted');
    const run = await onItsWay(instanceId, 'nowhere');
    expect(await fleet.run('deleteInstance', { instanceId })).toMatchObject({ vmState: 'deleted' });
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    expect(await leftOvers(fleet, instanceId, network)).toEqual([]);
  });

  test('of one past its switch waits for its end', async () => {
    const instanceId = await built('deleted-late');
    const run = await onItsWay(instanceId, 'into post-copy');
    const deletion = await fleet.start('deleteInstance', { instanceId });
    await eventually(async () => (await run.describe()).raw.workflowExtendedInfo?.cancelRequested || null);
    hostOf(one).migrationsGo = 'through';
    expect(await endOf(run)).toBeNull();
    expect(await deletion.result()).toMatchObject({ vmState: 'deleted' });
    expect(await leftOvers(fleet, instanceId, network)).toEqual([]);
  });
});
