import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../../src/model/host.ts';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, type HostStep, leftOvers, type Run, startFleet, viewOf } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const [one, two, three] = ['resize-1', 'resize-2', 'resize-3'] as const;
const network = 'resize';
const large = { name: 'large', vcpus: 2, memoryMiB: 256, rootGiB: 2 };

beforeAll(async () => {
  fleet = await startFleet([one, two, three]);
  request = await furnish(fleet, network);
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

const burns = () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire'));
const recordOf = (instanceId: string) => fleet.record<Instance>(`instance/${instanceId}`);
const hostOf = (name: string) => fleet.hosts.get(name) ?? fail();
const fail = (): never => {
  throw new Error('there is no such host');
};
const walked = ({ taskHistory }: Instance) => taskHistory.map(({ taskState }) => taskState);

/** An instance on the first host. */
async function built(name: string): Promise<string> {
  return onlyOn(one, async () => (await fleet.run<Instance>('buildInstance', request(name))).id);
}

/** Only this host takes instances meanwhile. */
async function onlyOn<T>(host: string, work: () => Promise<T>): Promise<T> {
  const others = [one, two, three].filter((other) => other !== host);
  for (const other of others) await fleet.run('disableHost', { host: other });
  try {
    return await work();
  } finally {
    for (const other of others) await fleet.run('enableHost', { host: other });
  }
}

async function stopped(name: string): Promise<string> {
  const instanceId = await built(name);
  await fleet.run('stopInstance', { instanceId });
  return instanceId;
}

/** Resolves with the run of a resize to the second host once the instance is resized. */
async function resized(instanceId: string, more: object = {}): Promise<Run> {
  const run = await fleet.start('resizeInstance', { instanceId, flavor: large, host: two, ...more });
  await whenResized(instanceId);
  return run;
}

const whenResized = (instanceId: string) =>
  eventually(async () => {
    const instance = await recordOf(instanceId);
    return instance.vmState === 'resized' ? instance : null;
  });

const decide = (run: WorkflowHandle, decision: 'confirm' | 'revert', request: object = {}) =>
  run.executeUpdate<void, [object]>(decision, { args: [request] });

/** Whose claims of the instance a host has, by their ids and sizes. */
async function claimsOn(host: string, instanceId: string): Promise<readonly (readonly [string, number])[]> {
  const { claims } = await fleet.record<Host>(`host/${host}`);
  return claims.filter((claim) => claim.instanceId === instanceId).map(({ id, vcpus }) => [id.split('/')[0] ?? '', vcpus] as const);
}

/** What the hosts have of the instance. */
function placeOf(instanceId: string): Record<string, string> {
  const seen = [one, two, three].map((name) => {
    const host = hostOf(name);
    const what = [host.guests.get(instanceId) ?? '', host.disks.has(instanceId) ? 'disks' : '', host.asides.has(instanceId) ? 'aside' : ''];
    return [name, what.filter((part) => part !== '').join(' ')] as const;
  });
  return Object.fromEntries(seen.filter(([, what]) => what !== ''));
}

const onFirst = { vmState: 'active', powerState: 'running', host: one, flavor: { name: 'lab.tiny' }, migration: null, open: null } as const;

describe('a resize', () => {
  test('walks the task states of Nova, keeps all that was at the source, and ends when it is confirmed', async () => {
    const instanceId = await built('confirmed');
    const run = await resized(instanceId);
    const instance = await recordOf(instanceId);
    expect(instance).toMatchObject({
      vmState: 'resized',
      taskState: null,
      powerState: 'running',
      host: two,
      flavor: { name: 'large' },
      disks: [{ name: 'disk', sizeBytes: 2 * 1024 ** 3 }],
      operation: null,
      open: { workflowId: run.workflowId, type: 'resizeInstance', until: null },
      migration: { type: 'resize', source: one, destination: two, oldFlavor: { name: 'lab.tiny' }, oldVmState: 'active' },
    });
    expect(walked(instance)).toEqual(['resize_prep', 'resize_migrating', 'resize_migrated', 'resize_finish', null]);
    expect(placeOf(instanceId)).toEqual({ [one]: 'defined aside', [two]: 'running disks' });
    expect([await claimsOn(one, instanceId), await claimsOn(two, instanceId)]).toEqual([[['migration', 1]], [[instanceId, 2]]]);

    await decide(run, 'confirm');
    expect(await run.result()).toMatchObject({ vmState: 'active', host: two, flavor: { name: 'large' }, open: null, migration: null });
    expect(placeOf(instanceId)).toEqual({ [two]: 'running disks' });
    expect([await claimsOn(one, instanceId), await claimsOn(two, instanceId)]).toEqual([[], [[instanceId, 2]]]);
  });

  test.for([
    [
      'with a drive sends it to who waits for it since before the guest was off',
      false,
      ['disk', 'disk.config'],
      ['sendFiles', 'sealFiles'],
    ],
    ['and with much else leaves no key', true, ['disk', 'disk.config'], ['sendFiles', 'sealFiles', 'stopSending']],
    ['without one has nobody wait for it any more', false, ['disk'], ['closeReceivers', 'stopSending']],
  ] as const)('of an instance %s', async ([, sendsMuch, asideNames, steps]) => {
    const instanceId = await built('early');
    Object.assign(hostOf(one), { asideNames, sendsMuch });
    const run = await resized(instanceId);
    Object.assign(hostOf(one), { asideNames: ['disk', 'disk.config'], sendsMuch: false });
    const done = (await viewOf(run)).steps.map(({ name }) => name);
    expect(done.indexOf('openFileReceiver')).toBeLessThan(done.indexOf('setDisksAside'));
    expect(done).toEqual(expect.arrayContaining([...steps]));
    expect(hostOf(two).receiving).toEqual(new Set());
    await run.executeUpdate('revert', { args: [{}] });
    await run.result();
  });

  test('that is reverted leaves flavor, disks, claims and state as they were', async () => {
    const instanceId = await built('reverted');
    const before = await recordOf(instanceId);
    const run = await resized(instanceId);
    await decide(run, 'revert', { reason: 'slower than before' });
    const instance = (await run.result()) as Instance;
    expect(instance).toMatchObject({ ...onFirst, disks: before.disks });
    expect(walked(instance)).toEqual(['resize_reverting', null]);
    const { recent } = await recordOf(instanceId);
    expect(recent.at(-1)).toMatchObject({ type: 'resizeInstance', end: 'completed', reason: 'slower than before' });
    expect(placeOf(instanceId)).toEqual({ [one]: 'running disks' });
    expect([await claimsOn(one, instanceId), await claimsOn(two, instanceId)]).toEqual([[[instanceId, 1]], []]);
  });

  test.for(['confirm', 'revert'] as const)('of a stopped instance never starts it, %s included', async (decision) => {
    const instanceId = await stopped(`stopped-${decision}`);
    const run = await resized(instanceId);
    expect(await recordOf(instanceId)).toMatchObject({ vmState: 'resized', powerState: 'shutdown' });
    expect(placeOf(instanceId)).toEqual({ [one]: 'defined aside', [two]: 'defined disks' });
    await decide(run, decision);
    expect(await run.result()).toMatchObject({ vmState: 'stopped', powerState: 'shutdown', host: decision === 'confirm' ? two : one });
  });

  test('is confirmed by itself when its window is over, locked or not', async () => {
    const instanceId = await built('window');
    const { reached, release } = fleet.holdAt('bootDomain');
    const run = await fleet.start('resizeInstance', { instanceId, flavor: large, host: two, confirmWindowSeconds: 1 });
    await reached;
    await fleet.run('lockInstance', { instanceId }); // before the window opens: it may be over sooner than anybody sees it
    release();
    expect(await run.result()).toMatchObject({ vmState: 'active', host: two, open: null });
    expect(await claimsOn(one, instanceId)).toEqual([]);
  });

  test('that is cancelled while it waits is reverted, and ends cancelled', async () => {
    const instanceId = await built('waits');
    const run = await resized(instanceId);
    await run.cancel();
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    expect(await recordOf(instanceId)).toMatchObject(onFirst);
    expect(placeOf(instanceId)).toEqual({ [one]: 'running disks' });
  });

  test('waits on through another control worker', async () => {
    const instanceId = await built('outlives');
    const run = await resized(instanceId);
    await fleet.restartControl();
    await decide(run, 'confirm');
    expect(await run.result()).toMatchObject({ vmState: 'active', host: two });
  });

  test('takes a decision only while it waits for one, and tells what is wrong with it', async () => {
    const instanceId = await built('early');
    const { reached, release } = fleet.holdAt('placeDisks');
    const run = await fleet.start('resizeInstance', { instanceId, flavor: large, host: two });
    await reached;
    await expect(decide(run, 'confirm')).rejects.toMatchObject({ cause: { type: 'InvalidState' } });
    release();
    await whenResized(instanceId);
    await expect(decide(run, 'confirm', { force: true })).rejects.toMatchObject({ cause: { type: 'InvalidRequest' } });
    await decide(run, 'confirm');
    await run.result();
  });

  test('of an instance that another operation has is not decided; who asked is told, and may ask again', async () => {
    const instanceId = await built('held');
    const run = await resized(instanceId);
    const { reached, release } = fleet.holdAt('injectNmi');
    const dump = await fleet.start('triggerCrashDump', { instanceId });
    await reached;
    await expect(decide(run, 'revert')).rejects.toMatchObject({ cause: { type: 'InstanceBusy' } });
    release();
    await dump.result();
    await decide(run, 'confirm');
    expect(await run.result()).toMatchObject({ vmState: 'active', host: two });
  });
});

describe('a destination', () => {
  test('that refuses is followed by its alternate, and keeps nothing', async () => {
    const instanceId = await built('refused');
    hostOf(two).refusesArrivals = 'it has no machine pc-q35-9.9';
    const run = await fleet.start('resizeInstance', { instanceId, flavor: large });
    const { host } = await whenResized(instanceId);
    hostOf(two).refusesArrivals = null;
    expect(host).toBe(three);
    expect(await claimsOn(two, instanceId)).toEqual([]);
    await decide(run, 'confirm');
    await run.result();
  });

  test('that refuses leaves no key at the source when its alternate sees the files there', async () => {
    const instanceId = await built('key');
    hostOf(one).sendsMuch = true;
    hostOf(two).refusesArrivals = 'it has no machine pc-q35-9.9';
    const ownProbes = hostOf(three).probes;
    hostOf(three).probes = hostOf(one).probes;
    const run = await fleet.start('resizeInstance', { instanceId, flavor: large });
    const { host, migration } = await whenResized(instanceId);
    hostOf(two).refusesArrivals = null;
    hostOf(three).probes = ownProbes;
    hostOf(one).sendsMuch = false;
    expect([host, migration?.storage]).toEqual([three, 'shared']);
    expect(hostOf(one).keys).not.toContain(instanceId);
    await decide(run, 'confirm');
    await run.result();
  });

  test('that was asked for and refuses ends the resize with its reason, the guest untouched', async () => {
    const instanceId = await built('refused-alone');
    hostOf(two).refusesArrivals = 'it has no machine pc-q35-9.9';
    const end = await endOf(await fleet.start('resizeInstance', { instanceId, flavor: large, host: two }));
    hostOf(two).refusesArrivals = null;
    expect(end).toMatchObject({ type: 'MigrationPreCheckError', message: expect.stringContaining('it has no machine pc-q35-9.9') });
    expect(await recordOf(instanceId)).toMatchObject(onFirst);
    expect(await claimsOn(one, instanceId)).toEqual([[instanceId, 1]]);
  });

  test('is never the host of a cold migration itself, nor one that has no room', async () => {
    const instanceId = await built('nowhere');
    const here = await endOf(await fleet.start('migrateInstance', { instanceId, host: one }));
    expect(here).toMatchObject({ type: 'InvalidRequest', details: { fields: [{ field: 'host' }] } });
    const flavor = { ...large, memoryMiB: 10 * 1024 ** 2 };
    const end = await endOf(await fleet.start('resizeInstance', { instanceId, flavor }));
    expect(end).toMatchObject({
      type: 'NoValidHost',
      details: { hosts: expect.arrayContaining([expect.objectContaining({ host: one })]) },
    });
    expect(await recordOf(instanceId)).toMatchObject(onFirst);
  });

  test('of a cold migration gets the instance with the flavor it has', async () => {
    const instanceId = await built('migrated');
    const run = await fleet.start('migrateInstance', { instanceId });
    const { host } = await whenResized(instanceId);
    expect([two, three]).toContain(host);
    await decide(run, 'confirm');
    expect(await run.result()).toMatchObject({ vmState: 'active', host, flavor: { name: 'lab.tiny' } });
  });
});

/** Every step of a resize up to the decision, with the host it is on. */
const steps: readonly HostStep[] = ['shutDownGuest', 'switchGuestOff', 'setDisksAside', 'placeDisks', 'bootDomain'];

/** All of them take two minutes. */
const some =
  process.env['NOVAFLOW_TEST_ALL'] === '1' ? steps : steps.filter((step) => ['setDisksAside', 'placeDisks', 'bootDomain'].includes(step));

describe('a resize whose step does not succeed leaves the guest running where it was:', () => {
  test.for(['planArrival', ...some] as const)('%s fails', async (step) => {
    const instanceId = await built(`fails-${step}`);
    let burnt = false;
    fleet.at(step, async (point) => {
      if (point === 'after' || burnt) return;
      burnt = true; // undos have the same steps
      await burns();
    });
    const run = await fleet.start('resizeInstance', { instanceId, flavor: large, host: two, onFailure: 'rollback' });
    expect(await endOf(run)).toMatchObject({ type: 'OperationFailed' });
    await requireAsBefore(instanceId);
  });

  test.for(some)('%s is cancelled', async (step) => {
    const instanceId = await built(`cancelled-${step}`);
    const { reached } = fleet.holdAt(step);
    const run = await fleet.start('resizeInstance', { instanceId, flavor: large, host: two });
    await reached;
    fleet.leaveAlone();
    await run.cancel();
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    await requireAsBefore(instanceId);
  });

  async function requireAsBefore(instanceId: string): Promise<void> {
    expect(await recordOf(instanceId)).toMatchObject(onFirst);
    expect(placeOf(instanceId)).toEqual({ [one]: 'running disks' });
    expect([await claimsOn(one, instanceId), await claimsOn(two, instanceId)]).toEqual([[[instanceId, 1]], []]);
  }
});

test('a step that fails once the guest is off parks when the request does not say otherwise, and goes on when it is mended', async () => {
  const instanceId = await built('parks');
  fleet.at('placeDisks', burns);
  const run = await fleet.start('resizeInstance', { instanceId, flavor: large, host: two });
  expect(await eventually(async () => (await viewOf(run)).parked)).toMatchObject({ step: 'placeDisks', host: two });
  fleet.leaveAlone();
  await run.executeUpdate('retry', { args: [{ reason: 'the fire is out' }] });
  await whenResized(instanceId);
  await decide(run, 'confirm');
  expect(await run.result()).toMatchObject({ vmState: 'active', host: two });
});

describe('a delete', () => {
  test.for(['placeDisks', 'bootDomain'] as const)('of an instance whose resize is at %s leaves nothing anywhere', async (step) => {
    const instanceId = await built(`deleted-${step}`);
    const { reached } = fleet.holdAt(step);
    const run = await fleet.start('resizeInstance', { instanceId, flavor: large, host: two });
    await reached;
    fleet.leaveAlone();
    expect(await fleet.run('deleteInstance', { instanceId })).toMatchObject({ vmState: 'deleted' });
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    expect(await leftOvers(fleet, instanceId, network)).toEqual([]);
  });

  test('of an instance that is resized ends the resize and cleans both hosts', async () => {
    const instanceId = await built('deleted-resized');
    const run = await resized(instanceId);
    expect(await fleet.run('deleteInstance', { instanceId })).toMatchObject({ vmState: 'deleted', open: null, migration: null });
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    expect(await leftOvers(fleet, instanceId, network)).toEqual([]);
  });
});

test('a confirm with the source down ends at once, and the source owes its part until it is back', async () => {
  const instanceId = await built('owed');
  const run = await resized(instanceId);
  await fleet.lose(one);
  await decide(run, 'confirm');
  expect(await run.result()).toMatchObject({ vmState: 'active', host: two });
  expect(await fleet.record<Host>(`host/${one}`)).toMatchObject({
    debts: expect.arrayContaining([expect.objectContaining({ instanceId, what: 'remove what its migration left' })]),
  });
  await fleet.bringBack(one);
  expect((await fleet.record<Host>(`host/${one}`)).debts).toEqual([]);
  expect(await claimsOn(one, instanceId)).toEqual([]);
  expect(placeOf(instanceId)).toEqual({ [two]: 'running disks' });
});
