import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import type { OperationName } from '../../src/schema/request.ts';
import { blankImage } from '../lab/blank-image.ts';
import { type OwnCloud, ownCloud } from '../lab/cloud-fixture.ts';
import { type Case, findings, points, startStopped, stepsOf, struck, whenIdle } from './matrix.ts';
import { endOfStruck, strikes } from './strikes.ts';

let own: OwnCloud;
let image: string;
const steps = new Map<OperationName, readonly string[]>();

beforeAll(async () => {
  own = await ownCloud('faults', { NOVAFLOW_HOST_CAPACITY_VCPUS: '100' });
  image = await blankImage(own);
  const instanceId = randomUUID();
  for (const [type, request] of [
    ['buildInstance', build(instanceId)],
    ['deleteInstance', { instanceId }],
  ] as const) {
    const workflowId = `clean-${type}`;
    await own.client.workflow.execute(type, { taskQueue: controlQueue, workflowId, args: [request] });
    steps.set(type, await stepsOf(own, { workflowId }));
  }
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

/** A worker whose commands live on is struck in the long run; a delete otherwise by what is hardest for it. */
const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';
const forBuilds = Object.entries(strikes).filter(([name]) => isLongRun || name !== 'the compute workers are killed');
const hardest = ['the compute workers are killed with their children', 'they are cancelled', 'they are terminated'];
const forDeletes = forBuilds.filter(([name]) => isLongRun || hardest.includes(name));

describe.each(forBuilds)('when %s', (_name, strike) => {
  test.each(points)('%s the effect of each step of a build, it ends as it should and leaves nothing', async (point) => {
    const cases = await Promise.all(
      (steps.get('buildInstance') ?? []).map(async (step) =>
        startStopped(own, 'buildInstance', { step, point, request: await buildThrough(step) }),
      ),
    );
    // A build is cancelled until its record is written.
    await struck(
      own,
      cases,
      strike.strike,
      endOfStruck(strike, (step) => step !== 'finish'),
    );
    await leaveNothing(cases);
  });
});

describe.each(forDeletes)('when %s', (_name, strike) => {
  test.each(points)('%s the effect of each step of a delete, it ends as it should and leaves nothing', async (point) => {
    const cases = await Promise.all(
      (steps.get('deleteInstance') ?? []).map(async (step) => {
        const instanceId = randomUUID();
        await own.client.workflow.execute('buildInstance', {
          taskQueue: controlQueue,
          workflowId: `build-${instanceId}`,
          args: [build(instanceId)],
        });
        return startStopped(own, 'deleteInstance', { step, point, request: { instanceId } });
      }),
    );
    // A delete is cancelled until its first step on a host.
    await struck(
      own,
      cases,
      strike.strike,
      endOfStruck(strike, (step) => step === 'acceptDelete'),
    );
    await leaveNothing(cases);
  });
});

async function leaveNothing(cases: readonly Case[]): Promise<void> {
  await Promise.all(cases.map(({ instanceId }) => removed(instanceId)));
  expect(await findings(own)).toEqual([]);
}

/** Whatever the operation left, a delete takes away: an active instance, one in error after a terminate, or none. */
async function removed(instanceId: string): Promise<void> {
  const instance = await whenIdle<Instance>(own, `instance/${instanceId}`, ({ operation }) => operation === null);
  if (instance === null || instance.vmState === 'deleted') return;
  await own.client.workflow.execute('deleteInstance', {
    taskQueue: controlQueue,
    workflowId: `removed-${instanceId}`,
    args: [{ instanceId }],
  });
}

/** An image is fetched by its first build on a host only. */
async function buildThrough(step: string) {
  const request = build(randomUUID());
  return step === 'fetchBases' ? { ...request, image: await blankImage(own) } : request;
}

function build(instanceId: string) {
  return { name: `vm-${instanceId.slice(0, 8)}`, instanceId, image, flavor: { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 } };
}
