import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../src/model/host.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { HostAudit } from '../../src/schema/results.ts';
import { endOf } from './ends.ts';
import { type Fleet, furnish, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const host = 'audits-1';

beforeAll(async () => {
  fleet = await startFleet([host]);
  request = await furnish(fleet, 'audits');
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

const audit = () => fleet.run<HostAudit>('auditHost', { host });
const claims = async () => (await fleet.record<Host>(`host/${host}`)).claims.map(({ instanceId }) => instanceId);

function claimFor(instanceId: string): Promise<unknown> {
  const claim = { id: randomUUID(), instanceId, generation: 1, vcpus: 1, memoryMiB: 1, diskGiB: 1 };
  return fleet.client.workflow.getHandle(`host/${host}`).executeUpdate('claim', { args: [claim] });
}

test('a host is as its record says while instances come, rest and go', async () => {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('rests'));
  const working = Promise.all([fleet.run('buildInstance', request('comes')), fleet.run('deleteInstance', { instanceId })]);
  expect(await Promise.all([audit(), audit()])).toMatchObject(Array(2).fill({ host, differences: [], healed: [] }));
  await working;
  expect(await audit()).toMatchObject({ differences: [], healed: [] });
});

test('a claim of a deleted instance is given back, and so is one whose record is gone', async () => {
  const { id: deleted } = await fleet.run<Instance>('buildInstance', request('deleted'));
  await fleet.run('deleteInstance', { instanceId: deleted });
  const nobody = randomUUID();
  // Under a generation that the delete has not fenced, as nothing of ours would claim it.
  const late = { id: randomUUID(), instanceId: deleted, generation: 1000, vcpus: 1, memoryMiB: 1, diskGiB: 1 };
  await fleet.client.workflow.getHandle(`host/${host}`).executeUpdate('claim', { args: [late] });
  await claimFor(nobody);
  const { differences, healed } = await audit();
  expect(differences).toEqual([]);
  expect(healed.map(({ kind }) => kind)).toEqual(['UnknownClaim', 'UnknownClaim']);
  expect(await claims()).not.toContain(deleted);
  expect(await claims()).not.toContain(nobody);
});

test('a claim of a build that is under way stays', async () => {
  const { reached, release } = fleet.holdAt('createDisks');
  const build = await fleet.start('buildInstance', request('under-way'));
  await reached;
  expect(await audit()).toMatchObject({ differences: [], healed: [] });
  expect(await claims()).toContain(build.firstExecutionRunId);
  release();
  expect(await build.result()).toMatchObject({ vmState: 'active' });
});

test('what may be somebody’s is told and left: a guest that nobody knows, an instance without its claim', async () => {
  const { id } = await fleet.run<Instance>('buildInstance', request('unclaimed'));
  const stray = randomUUID();
  fleet.hosts.get(host)?.guests.set(stray, 'running');
  await fleet.client.workflow.getHandle(`host/${host}`).executeUpdate('release', { args: [{ instanceId: id, generation: 0 }] });
  const { differences, healed } = await audit();
  expect(differences.map(({ kind, what }) => [kind, what])).toEqual([
    ['ClaimMissing', `instance ${id} has no claim`],
    ['UnknownDomain', `domain of instance ${stray}, running`],
  ]);
  expect(healed).toEqual([]);
  expect(fleet.hosts.get(host)?.guests.get(stray)).toBe('running');
  fleet.hosts.get(host)?.guests.delete(stray);
});

test('a host that is not there, or is down, is refused', async () => {
  expect(await endOf(await fleet.start('auditHost', { host: 'nowhere' }))).toMatchObject({ type: 'HostNotFound' });
  await fleet.lose(host);
  expect(await endOf(await fleet.start('auditHost', { host }))).toMatchObject({ type: 'HostUnavailable' });
  await fleet.bringBack(host);
});
