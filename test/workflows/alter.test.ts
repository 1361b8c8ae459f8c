import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import { type Fleet, furnish, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;

beforeAll(async () => {
  fleet = await startFleet(['alter-1']);
  request = await furnish(fleet, 'alter');
});
afterAll(() => fleet[Symbol.asyncDispose]());

test('a record is altered beside the operation that holds it, and lists show it at once', async () => {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('altered'));
  const { reached, release } = fleet.holdAt('pauseGuest');
  const pause = await fleet.start('pauseInstance', { instanceId });
  await reached;
  expect(await fleet.run('renameInstance', { instanceId, name: 'renamed' })).toMatchObject({ name: 'renamed', taskState: 'pausing' });
  expect(await namesListed(instanceId)).toEqual(['renamed']);
  await fleet.run('setInstanceMetadata', { instanceId, metadata: { role: 'web' } });
  release();
  expect(await pause.result()).toMatchObject({ vmState: 'paused', name: 'renamed', metadata: { role: 'web' } });
  fleet.leaveAlone();
});

test('a lock is known by who set it, refuses nothing to an administrator, and is taken away again', async () => {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('locked'));
  expect(await fleet.run('lockInstance', { instanceId, reason: 'keep' })).toMatchObject({ locked: { by: 'owner', reason: 'keep' } });
  expect(await fleet.run('stopInstance', { instanceId })).toMatchObject({ vmState: 'stopped', locked: { by: 'owner' } });
  expect(await fleet.run('unlockInstance', { instanceId })).toMatchObject({ locked: null });
  const { recent } = await fleet.record<Instance>(`instance/${instanceId}`);
  expect(recent.map(({ type, userId, end }) => `${type} by ${userId}: ${end}`)).toEqual([
    'buildInstance by admin: completed',
    'lockInstance by admin: completed',
    'stopInstance by admin: completed',
    'unlockInstance by admin: completed',
  ]);
});

test.each([
  ['renameInstance', { name: 'x' }],
  ['lockInstance', {}],
])('%s of an instance that is not there is refused', async (type, input) => {
  const run = await fleet.start(type, { instanceId: '7d9f0e0c-0000-4000-8000-000000000001', ...input });
  expect(await endOf(run)).toMatchObject({ type: 'InstanceNotFound' });
});

async function namesListed(instanceId: string): Promise<unknown[]> {
  const names: unknown[] = [];
  for await (const { searchAttributes } of fleet.client.workflow.list({ query: `WorkflowId = 'instance/${instanceId}'` })) {
    names.push(...(searchAttributes['ObjectName'] ?? []));
  }
  return names;
}
