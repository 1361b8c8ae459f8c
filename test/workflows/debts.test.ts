import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../src/model/host.ts';
import type { OwedRemoval } from '../../src/model/host-record.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { Network } from '../../src/model/network.ts';
import { endOf, stepsOf } from './ends.ts';
import { eventually, type Fleet, furnish, leftOvers, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const network = 'debts';
const host = 'debts-1';
const other = 'debts-2';

beforeAll(async () => {
  fleet = await startFleet([host, other]);
  request = await furnish(fleet, network);
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

/** An instance on the first host. */
async function built(name: string): Promise<Instance> {
  await fleet.run('disableHost', { host: other });
  try {
    return await fleet.run<Instance>('buildInstance', request(name));
  } finally {
    await fleet.run('enableHost', { host: other });
  }
}

function hostRecord(): Promise<Host> {
  return fleet.record<Host>(`host/${host}`);
}

test('a delete on a host that is down completes, and the host owes it with the claim and the addresses until it is back', async () => {
  const { id: instanceId } = await built('owed');
  await fleet.lose(host);
  expect(await fleet.run<Instance>('deleteInstance', { instanceId })).toMatchObject({ vmState: 'deleted', host: null });
  expect((await hostRecord()).debts).toMatchObject([{ instanceId, what: 'remove the instance' }]);
  expect(await leftOvers(fleet, instanceId, network)).toEqual([
    `disks on ${host}`,
    `guest on ${host}`,
    `claim on ${host}`,
    `address in ${network}`,
  ]);
  await fleet.bringBack(host);
  expect(await leftOvers(fleet, instanceId, network)).toEqual([]);
  expect((await hostRecord()).debts).toEqual([]);
});

test('an address that a guest on a lost host may have is given to nobody', async () => {
  const { id: instanceId, ports } = await built('keeps-its-address');
  await fleet.lose(host);
  await fleet.run('deleteInstance', { instanceId });
  const next = await fleet.run<Instance>('buildInstance', request('needs-an-address'));
  expect(next.ports.map(({ ip }) => ip)).not.toContain(ports[0]?.ip);
  await fleet.bringBack(host);
  const fixed = { ...request('gets-it-later'), networks: [{ network, fixedIp: ports[0]?.ip }] };
  expect((await fleet.run<Instance>('buildInstance', fixed)).ports).toMatchObject([{ ip: ports[0]?.ip }]);
});

test('a host that goes down in the middle of a delete owes what it did not do', async () => {
  const { id: instanceId } = await built('lost-meanwhile');
  let lost: Promise<void> | null = null;
  fleet.at('removeInstance', async () => {
    lost ??= fleet.lose(host);
    await eventually(async () => ((await hostRecord()).state === 'down' ? true : null));
    throw ApplicationFailure.nonRetryable('libvirt is away', 'LibvirtUnreachable');
  });
  const run = await fleet.start('deleteInstance', { instanceId });
  expect(await run.result()).toMatchObject({ vmState: 'deleted' });
  await lost;
  expect(await stepsOf(run)).toContain('oweWhenDown');
  expect((await hostRecord()).debts).toMatchObject([{ instanceId }]);
  fleet.leaveAlone();
  await fleet.bringBack(host);
  expect(await leftOvers(fleet, instanceId, network)).toEqual([]);
});

test('a host that comes back in the middle of a delete leaves nothing, whichever of the two is first', async () => {
  const { id: instanceId } = await built('back-in-time');
  await fleet.lose(host);
  const [run] = await Promise.all([fleet.start('deleteInstance', { instanceId }), fleet.bringBack(host)]);
  expect(await run.result()).toMatchObject({ vmState: 'deleted' });
  await eventually(async () => ((await leftOvers(fleet, instanceId, network)).length === 0 ? true : null));
  expect((await hostRecord()).debts).toEqual([]);
});

test('an operator who says that the host is off frees the addresses, and what lies there is removed when it is back', async () => {
  const { id: instanceId, ports } = await built('fenced');
  const fence = () => fleet.start('fenceHost', { host, reason: 'its power supply was pulled' });
  expect(await endOf(await fence())).toMatchObject({ type: 'InvalidRequest', message: expect.stringContaining('is up') });
  await fleet.lose(host);
  await fleet.run('deleteInstance', { instanceId });
  await (await fence()).result();
  const fixed = { ...request('has-it-now'), networks: [{ network, fixedIp: ports[0]?.ip }] };
  const next = await fleet.run<Instance>('buildInstance', fixed);
  expect(next.ports).toMatchObject([{ ip: ports[0]?.ip }]);
  expect((await hostRecord()).debts).toMatchObject([{ instanceId }]);
  await fleet.bringBack(host);
  expect(await leftOvers(fleet, instanceId, network)).toEqual([]);
  expect((await fleet.record<Network>(`network/${network}`)).ports.map(({ owner }) => owner)).toContain(next.id);
});

test('a debt that is paid twice takes nothing from who came after', async () => {
  const { id: instanceId, ports } = await built('paid-twice');
  await fleet.lose(host);
  await fleet.run('deleteInstance', { instanceId });
  const owed = await fleet.client.workflow.getHandle(`host/${host}`).query<OwedRemoval[]>('owed');
  await fleet.bringBack(host);
  const next = await fleet.run<Instance>('buildInstance', { ...request('after'), networks: [{ network, fixedIp: ports[0]?.ip }] });
  const record = fleet.client.workflow.getHandle(`host/${host}`);
  for (const removal of owed) {
    await record.executeUpdate('knowToBeOff', { args: [removal] });
    const { instanceId: owner, token } = removal;
    await fleet.client.workflow
      .getHandle(`network/${network}`)
      .executeUpdate('release', { args: [{ owner, generation: token.generation }] });
    await record.executeUpdate('pay', { args: [removal] });
  }
  expect(await leftOvers(fleet, next.id, network)).toEqual(expect.arrayContaining([`claim on ${next.host}`, `address in ${network}`]));
});
