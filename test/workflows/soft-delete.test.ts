import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, leftOvers, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;

/** A fleet whose soft deletes can be restored for so long. */
function reclaimingAfter(seconds: number, network: string): void {
  beforeAll(async () => {
    fleet = await startFleet([network], {}, undefined, { settings: { reclaimInstanceIntervalSeconds: seconds } });
    request = await furnish(fleet, network);
  });
  afterAll(() => fleet[Symbol.asyncDispose]());
}

const recordOf = (instanceId: string) => fleet.record<Instance>(`instance/${instanceId}`);

async function softDeleted(name: string): Promise<Instance> {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request(name));
  return fleet.run<Instance>('softDeleteInstance', { instanceId });
}

const statusOf = async (workflowId: string) => (await fleet.client.workflow.getHandle(workflowId).describe()).status.name;

describe('an instance that was soft-deleted', () => {
  reclaimingAfter(3600, 'soft-1');

  test('is off, keeps all it had, and waits for a reclaim', async () => {
    const instance = await softDeleted('waits');
    expect(instance).toMatchObject({ vmState: 'soft-delete', powerState: 'shutdown', host: 'soft-1', open: { type: 'reclaimInstance' } });
    expect(instance.taskHistory.map(({ taskState }) => taskState)).toEqual(['soft-deleting', null]);
    expect(fleet.hosts.get('soft-1')?.guests.get(instance.id)).toBe('defined');
    expect(await statusOf(instance.open?.workflowId ?? '')).toBe('RUNNING');
    const leftSeconds = (Date.parse(instance.open?.until ?? '') - Date.now()) / 1000;
    expect(leftSeconds).toBeGreaterThan(3500);
    expect(leftSeconds).toBeLessThanOrEqual(3600);
  });

  test('is restored: its guest runs, and the reclaim has ended', async () => {
    const { id: instanceId, open } = await softDeleted('restored');
    expect(await fleet.run('restoreInstance', { instanceId })).toMatchObject({ vmState: 'active', powerState: 'running', open: null });
    expect(await endOf(fleet.client.workflow.getHandle(open?.workflowId ?? ''))).toMatchObject({ type: 'Canceled' });
  });

  test('is deleted before its time, and the reclaim has ended', async () => {
    const { id: instanceId, open } = await softDeleted('deleted');
    expect(await fleet.run('deleteInstance', { instanceId })).toMatchObject({ vmState: 'deleted', open: null });
    expect(await endOf(fleet.client.workflow.getHandle(open?.workflowId ?? ''))).toMatchObject({ type: 'Canceled' });
    expect(await leftOvers(fleet, instanceId, 'soft-1')).toEqual([]);
  });

  test('is not deleted by the reclaim of an earlier soft delete', async () => {
    const { id: instanceId, open } = await softDeleted('again');
    await fleet.run('restoreInstance', { instanceId });
    await fleet.run('softDeleteInstance', { instanceId });
    const late = await fleet.start('reclaimInstance', { instanceId, until: '2026-01-01T00:00:00.000Z' }, `${open?.workflowId}/late`);
    expect(await endOf(late)).toMatchObject({ type: 'InvalidState' });
    expect(await recordOf(instanceId)).toMatchObject({ vmState: 'soft-delete' });
  });

  test('refuses what needs its guest, and says what would help', async () => {
    const { id: instanceId } = await softDeleted('refuses');
    expect(await endOf(await fleet.start('pauseInstance', { instanceId }))).toMatchObject({
      type: 'InvalidState',
      message: 'instance refuses is soft-delete: restore it first',
    });
  });
});

describe('an instance that was soft-deleted for one second', () => {
  reclaimingAfter(1, 'soft-2');

  test('is deleted when its time is over, by nobody’s hand', async () => {
    const { id: instanceId } = await softDeleted('reclaimed');
    await eventually(async () => ((await recordOf(instanceId)).vmState === 'deleted' ? true : null));
    expect(await leftOvers(fleet, instanceId, 'soft-2')).toEqual([]);
  });
});

describe('where the interval is 0', () => {
  reclaimingAfter(0, 'soft-3');

  test('a soft delete is a delete', async () => {
    const instance = await softDeleted('at-once');
    expect(instance).toMatchObject({ vmState: 'deleted', host: null, open: null });
    expect(await leftOvers(fleet, instance.id, 'soft-3')).toEqual([]);
  });
});
