import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../lab/wait.ts';
import type { Instance, VmState } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { blankImage } from '../lab/blank-image.ts';
import { type OwnCloud, ownCloud } from '../lab/cloud-fixture.ts';
import { endOf } from '../workflows/ends.ts';
import { type Case, type FaultPoint, findings, hasPoint, letGo, points, type Stopped, startStopped, stepsOf, whenHit } from './matrix.ts';
import { type Strike, strikes } from './strikes.ts';

/**
 * Where an instance rests after a strike: a cancel takes it back, and a terminated one is an operator's, who deletes it. A step that is let
 * go on knows nothing of a termination: it takes the instance, or lets go of it, before the record hears of that, or after.
 */
function restsAs({ outcome }: Strike, { step, point }: Stopped): readonly VmState[] {
  // One that has not taken the instance, or has let go of it, is not cut off in the middle.
  if (outcome === 'is terminated' && step === 'acceptResize' && point === 'before') return ['active', 'error'];
  if (outcome === 'is terminated' && step === 'finish') return point === 'after' ? ['resized'] : ['resized', 'error'];
  if (outcome === 'is terminated') return ['error'];
  if (outcome === 'is cancelled') return ['active'];
  // A host that is away for a moment while it is asked takes nothing.
  return steps.indexOf(step) < steps.indexOf('switchGuestOff') ? ['resized', 'active'] : ['resized'];
}

/** The record of one that was terminated is true once its guest is looked at again. */
const poweredAs = ({ outcome }: Strike) => (outcome === 'is terminated' ? expect.any(String) : 'running');

const isLong = process.env['NOVAFLOW_TEST_ALL'] === '1';
/** Of the shorter run: what undoes most. */
const struckAlways = ['they are cancelled'];
const stepsOfShort = ['setDisksAside', 'placeDisks', 'bootDomain'];

const flavor = { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 };
const larger = { ...flavor, name: 'larger', memoryMiB: 24 };

let own: OwnCloud;
let image: string;
/** Every step up to the decision, as a clean run takes them. */
let steps: readonly string[];

beforeAll(async () => {
  own = await ownCloud('faults-resize', {
    NOVAFLOW_HOST_CAPACITY_VCPUS: '200',
    NOVAFLOW_SHUTDOWN_TIMEOUT_SECONDS: '0',
    // Every operation that is stopped keeps its slot.
    NOVAFLOW_SLOTS_QUICK: '100',
    NOVAFLOW_SLOTS_LONG: '20',
  });
  image = await blankImage(own);
  steps = await stepsOfCleanRun();
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

describe.each(Object.entries(strikes).filter(([name]) => isLong || struckAlways.includes(name)))('when %s', (_name, strike) => {
  test.each(points)(
    '%s the effect of each step of a resize, each guest runs once, with all it needs, and nothing else is left',
    async (point) => {
      const struck = steps.filter((step) => hasPoint(step, point) && (isLong || stepsOfShort.includes(step)));
      const cases = await Promise.all(struck.map((step) => started(step, point)));
      await Promise.all(cases.map((one) => whenHit(own, one)));
      await strike.strike(own, cases);
      await Promise.all(cases.map((one) => letGo(own, one)));
      // What is cancelled once the instance is resized takes it again, to revert it.
      if (strike.outcome === 'is cancelled') for (const { run } of cases) expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
      const rested = await Promise.all(cases.map(async (one) => ({ one, instance: await whenRested(one) })));
      const seen = rested.map(({ one: { step }, instance }) => [step, instance.vmState, instance.powerState]);
      expect(seen).toEqual(cases.map((one) => [one.step, expect.toBeOneOf(restsAs(strike, one)), poweredAs(strike)]));
      // What was terminated is the delete's to clean.
      if (strike.outcome !== 'is terminated') expect(await findings(own)).toEqual([]);
      await Promise.all(cases.map(({ instanceId }) => execute('deleteInstance', { instanceId })));
      expect(await findings(own)).toEqual([]);
    },
  );
});

async function stepsOfCleanRun(): Promise<readonly string[]> {
  const instanceId = await built('clean');
  const workflowId = 'clean-resize';
  const args = [{ instanceId, flavor: larger }];
  const run = await own.client.workflow.start('resizeInstance', { taskQueue: controlQueue, workflowId, args });
  expect(await whenRested({ instanceId, run, step: 'none', point: 'after' })).toMatchObject({ vmState: 'resized' });
  const taken = await stepsOf(own, { workflowId });
  expect(taken).toEqual(expect.arrayContaining(stepsOfShort));
  await execute('deleteInstance', { instanceId });
  return taken;
}

async function started(step: string, point: FaultPoint): Promise<Case> {
  const request = { instanceId: await built(step), flavor: larger };
  return startStopped(own, 'resizeInstance', { step, point, request });
}

/** An image is fetched by the first guest of it on a host only. */
async function built(step: string): Promise<string> {
  const of = step === 'fetchBases' ? await blankImage(own) : image;
  return (await execute<Instance>('buildInstance', { name: `vm-${step}`, image: of, flavor })).id;
}

async function execute<Result>(type: string, request: object): Promise<Result> {
  const workflowId = `${type}-${randomUUID()}`;
  return own.client.workflow.execute(type, { taskQueue: controlQueue, workflowId, args: [request] });
}

/** No operation has it any more: it is resized and waits, or the run is over. */
function whenRested({ instanceId, run, step, point }: Case): Promise<Instance> {
  const look = async () => {
    const isOver = (await run.describe()).status.name !== 'RUNNING';
    const record = own.client.workflow.getHandle(`instance/${instanceId}`);
    const instance = await record.query<Instance>('record').catch(() => null); // away for a moment when its worker is
    return instance?.operation === null && (isOver || instance.open !== null) ? instance : null;
  };
  return until(look, { what: `the guest that was stopped ${point} ${step} to rest`, timeoutMs: 120_000, intervalMs: 50 });
}
