import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, leftOvers, resetTo, startFleet, viewOf } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const network = 'operate';

beforeAll(async () => {
  fleet = await startFleet(['operate-1']);
  request = await furnish(fleet, network);
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

const burns = () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire'));

test('a step out of retries parks where the request says so, and a retry goes on where it was', async () => {
  fleet.at('createDisks', burns);
  const run = await fleet.start('buildInstance', { ...request('parks'), onFailure: 'park' });
  const parked = await whenParked(run);
  expect(parked).toMatchObject({
    number: 1,
    step: 'createDisks',
    host: 'operate-1',
    attention: 'StepFailed',
    failure: { message: 'the disk burns' },
  });
  expect((await listed(run))?.searchAttributes['Attention']).toEqual(['StepFailed']);

  fleet.leaveAlone();
  await run.executeUpdate('retry', { args: [{ reason: 'the fire is out' }] });
  expect(await run.result()).toMatchObject({ vmState: 'active' });
});

test('a rollback of a parked step undoes what was done and ends with its failure', async () => {
  fleet.at('createDisks', burns);
  const run = await fleet.start('buildInstance', { ...request('rolls-back'), onFailure: 'park' });
  await whenParked(run);
  await run.executeUpdate('rollback', { args: [{ reason: 'not worth it', park: 1 }] });
  expect(await endOf(run)).toMatchObject({ type: 'OperationFailed' });
  expect(await leftOvers(fleet, run.firstExecutionRunId, network)).toEqual([]);
});

test('an undo that fails parks whatever the request says, and refuses a rollback', async () => {
  fleet.at('defineDomain', burns);
  fleet.at('removeInstance', burns);
  const run = await fleet.start('buildInstance', request('undo-fails'));
  expect(await whenParked(run)).toMatchObject({ step: 'removeInstance', attention: 'UndoFailed' });
  await expect(run.executeUpdate('rollback', { args: [{ reason: 'enough' }] })).rejects.toMatchObject({ cause: { type: 'NotParked' } });
  fleet.leaveAlone();
  await run.executeUpdate('retry', { args: [{ reason: 'mended' }] });
  expect(await endOf(run)).toMatchObject({ type: 'OperationFailed', details: { step: 'defineDomain' } });
  expect(await leftOvers(fleet, run.firstExecutionRunId, network)).toEqual([]);
});

test.each([
  [{}, 'InvalidRequest', 'reason'],
  [{ reason: '' }, 'InvalidRequest', 'reason'],
  [{ reason: 'x'.repeat(501) }, 'InvalidRequest', 'reason'],
  [{ reason: 'why', colour: 1 }, 'InvalidRequest', 'colour'],
  [{ reason: 'why', park: 1.5 }, 'InvalidRequest', 'park'],
  [{ reason: 'why', park: 7 }, 'NotParked', 'park 7'],
  [{ reason: 'why', input: { flavor: 'm1.large' } }, 'InvalidRequest', 'input'],
])('a decision %j on a parked step is refused as %s, naming %s', async (decision, type, named) => {
  fleet.at('createDisks', burns);
  const run = await fleet.start('buildInstance', { ...request('decides'), onFailure: 'park' });
  await whenParked(run);
  const refusal = await run.executeUpdate('retry', { args: [decision] }).catch((error: { cause: ApplicationFailure }) => error.cause);
  expect(refusal).toMatchObject({ type });
  expect(JSON.stringify([(refusal as ApplicationFailure).message, (refusal as ApplicationFailure).details])).toContain(named);
  await run.cancel();
  expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
});

test('a decision on an operation that is not parked is refused in a sentence', async () => {
  const { reached, release } = fleet.holdAt('createDisks');
  const run = await fleet.start('buildInstance', request('not-parked'));
  await reached;
  await expect(run.executeUpdate('retry', { args: [{ reason: 'now' }] })).rejects.toMatchObject({ cause: { type: 'NotParked' } });
  release();
  await run.result();
});

test('the query operation shows the steps with their hosts while they run', async () => {
  const { reached, release } = fleet.holdAt('createDisks');
  const run = await fleet.start('buildInstance', request('shows'));
  await reached;
  const view = await viewOf(run);
  expect(view).toMatchObject({ type: 'buildInstance', instanceId: run.firstExecutionRunId, step: 'createDisks', parked: null });
  expect(view.steps.at(-1)).toMatchObject({ name: 'createDisks', host: 'operate-1', state: 'running', endedAt: null });
  expect(view.steps[0]).toMatchObject({ name: 'acceptBuild', host: null, state: 'done' });
  release();
  await run.result();
});

test('a reset run goes on while its operation holds the instance, under a new generation', async () => {
  const { reached, release } = fleet.holdAt('defineDomain');
  const run = await fleet.start('buildInstance', request('reset'));
  await reached;
  const before = await fleet.record<Instance>(`instance/${run.firstExecutionRunId}`);
  const again = await resetTo('claimResources', run, fleet);
  fleet.leaveAlone();
  release();
  expect(await again.result()).toMatchObject({ vmState: 'active', generation: before.generation + 1 });
  const { claims } = await fleet.record<{ claims: { instanceId: string }[] }>('host/operate-1');
  expect(claims.filter(({ instanceId }) => instanceId === run.firstExecutionRunId)).toHaveLength(1);
});

test.each(['acceptBuild', 'claimResources', 'createDisks', 'runGuest'])(
  'a reset to %s of an operation that has ended is refused and touches nothing',
  async (step) => {
    const run = await fleet.start('buildInstance', request(`ended-${step}`));
    const built = (await run.result()) as Instance;
    const again = await resetTo(step, run, fleet);
    expect(await endOf(again)).toMatchObject({ type: 'ResetRefused' });
    expect(await fleet.record(`instance/${built.id}`)).toEqual(built);
    expect(fleet.hosts.get('operate-1')?.guests.get(built.id)).toBe('running');
  },
);

test('a reset of an operation that has begun to undo is refused; the undo it cut off is left to a delete', async () => {
  fleet.at('defineDomain', burns);
  const { reached } = fleet.holdAt('removeInstance');
  const run = await fleet.start('buildInstance', request('reset-undoing'));
  await reached;
  const again = await resetTo('createDisks', run, fleet);
  expect(await endOf(again)).toMatchObject({ type: 'ResetRefused' });
  fleet.leaveAlone();
  const id = run.firstExecutionRunId;
  await eventually(async () => ((await fleet.record<Instance>(`instance/${id}`)).operation === null ? true : null));
  await fleet.run('deleteInstance', { instanceId: id });
  expect(await leftOvers(fleet, id, network)).toEqual([]);
});

test('the lock of an operation that is terminated is gone within two seconds, with what happened', async () => {
  const { reached } = fleet.holdAt('createDisks');
  const run = await fleet.start('buildInstance', request('terminated'));
  await reached;
  await run.terminate('by the test');
  const at = Date.now();
  const instance = await eventually(async () => {
    const seen = await fleet.record<Instance>(`instance/${run.firstExecutionRunId}`);
    return seen.operation === null ? seen : null;
  });
  console.info(`seen after ${Date.now() - at} ms`);
  expect(instance).toMatchObject({ vmState: 'error', taskState: null, generation: 2, fault: { type: 'Terminated' } });
  expect(instance.fault?.message).toContain('block_device_mapping');
  expect(instance.recent.at(-1)).toMatchObject({ end: 'terminated', type: 'buildInstance' });
});

test('the record of an instance survives the cancel button', async () => {
  const { id } = await fleet.run<Instance>('buildInstance', request('record-cancelled'));
  await fleet.client.workflow.getHandle(`instance/${id}`).cancel();
  expect(await fleet.run('deleteInstance', { instanceId: id })).toMatchObject({ vmState: 'deleted' });
});

async function whenParked(run: WorkflowHandle): Promise<unknown> {
  return eventually(async () => (await viewOf(run)).parked);
}

async function listed(run: WorkflowHandle): Promise<{ searchAttributes: Record<string, unknown> } | null> {
  return eventually(async () => {
    for await (const row of fleet.client.workflow.list({ query: `WorkflowId = '${run.workflowId}' AND Attention IS NOT NULL` })) return row;
    return null;
  });
}
