import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { blankImage } from '../lab/blank-image.ts';
import { type OwnCloud, ownCloud } from '../lab/cloud-fixture.ts';
import { endOf } from '../workflows/ends.ts';
import { type FaultPoint, findings, hasPoint, letGo, points, type Stopped, startStopped, stepsOf, whenHit } from './matrix.ts';
import { type Strike, strikes } from './strikes.ts';

const isLong = process.env['NOVAFLOW_TEST_ALL'] === '1';
/** Of the shorter run: what undoes most, at the steps that have most to undo. */
const struckAlways = ['they are cancelled'];
const stepsAlways = ['prepareLiveArrival', 'migrateGuest', 'adoptGuest'];
/** They are over at once, and what comes after is struck as well. */
const untouched = ['acceptLiveMigration', 'finish'];

interface Moving extends Stopped {
  readonly instanceId: string;
  readonly source: string;
}

let own: OwnCloud;
let image: string;
let steps: readonly string[];

beforeAll(async () => {
  own = await ownCloud('faults-live', { NOVAFLOW_HOST_CAPACITY_VCPUS: '200', NOVAFLOW_SLOTS_LONG: '20' }); // a step that is stopped keeps its slot
  image = await blankImage(own);
  const { id: instanceId } = await built('clean');
  await execute('liveMigrateInstance', { instanceId }); // from here on both hosts have the image
  const workflowId = `clean-${randomUUID()}`;
  await own.client.workflow.execute('liveMigrateInstance', { taskQueue: controlQueue, workflowId, args: [{ instanceId }] });
  steps = (await stepsOf(own, { workflowId })).filter((step) => !untouched.includes(step));
  await execute('deleteInstance', { instanceId });
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

/** Each step at this point of it; beside those after their effect, the guest in the middle of its move. */
function moments(point: FaultPoint): readonly (readonly [string, FaultPoint])[] {
  const struck = steps.filter((step) => hasPoint(step, point) && (isLong || stepsAlways.includes(step)));
  return [...(point === 'after' ? [['migrateGuest', 'copying'] as const] : []), ...struck.map((step) => [step, point] as const)];
}

describe.each(Object.entries(strikes).filter(([name]) => isLong || struckAlways.includes(name)))(
  'when %s',
  (_name, { strike, outcome }) => {
    test.each(points)(
      '%s the effect of each step of a live migration, each guest runs on one host, and nothing else is left',
      async (point) => {
        const cases = await Promise.all(moments(point).map(started));
        await Promise.all(cases.map((one) => whenHit(own, one)));
        await strike(own, cases);
        await Promise.all(cases.map((one) => letGo(own, one)));
        const rested = await Promise.all(cases.map(whenRested));
        const ends = await Promise.all(cases.map(async ({ run }) => (await endOf(run))?.type ?? 'completed'));
        const seen = cases.map((one, index) => ({ ...nameOf(one), end: ends[index], ...placeOf(rested[index], one) }));
        expect(seen).toEqual(cases.map((one) => expect.toBeOneOf(endsOf(outcome, one).map((end) => ({ ...nameOf(one), ...end })))));
        // What was terminated is the delete's to clean.
        if (outcome !== 'is terminated') expect(await findings(own)).toEqual([]);
        await Promise.all(cases.map(({ instanceId }) => execute('deleteInstance', { instanceId })));
        expect(await findings(own)).toEqual([]);
      },
    );
  },
);

const stayed = { end: 'Canceled', vmState: 'active', powerState: 'running', isAtSource: true };
const moved = { end: 'completed', vmState: 'active', powerState: 'running', isAtSource: false };
/** A host that is away for a moment while it is asked takes nothing. */
const declined = { end: 'NoValidHost', vmState: 'active', powerState: 'running', isAtSource: true };
const terminated = { end: 'Terminated', vmState: 'error', powerState: expect.anything(), isAtSource: expect.anything() };

/** How it may end: QEMU goes on while its worker is stopped, so that a cancel in the copy may come too late. */
function endsOf(outcome: Strike['outcome'], { step, point }: Stopped): readonly object[] {
  // What releases the claim runs beside what lets the instance go.
  if (outcome === 'is terminated') return step === 'releaseClaim' ? [terminated, { ...moved, end: 'Terminated' }] : [terminated];
  if (outcome === 'goes on') return steps.indexOf(step) < steps.indexOf('prepareLiveArrival') ? [moved, declined] : [moved];
  if (point === 'copying') return [stayed, moved];
  const last = steps.indexOf('migrateGuest');
  const hasMoved = steps.indexOf(step) > last || (steps.indexOf(step) === last && point === 'after');
  return hasMoved ? [moved] : [stayed];
}

function placeOf(instance: Instance | undefined, { source }: Moving): object {
  return { vmState: instance?.vmState, powerState: instance?.powerState, isAtSource: instance?.host === source };
}

function nameOf({ step, point }: Stopped): object {
  return { step, point };
}

async function started([step, point]: readonly [string, FaultPoint]): Promise<Moving> {
  const { id: instanceId, host } = await built(`${point}-${step}`);
  // So little would be copied before anybody looks.
  const request = { instanceId, ...(point === 'copying' ? { bandwidthMiBps: 1 } : {}) };
  return { ...(await startStopped(own, 'liveMigrateInstance', { step, point, request })), source: host ?? '' };
}

function built(name: string): Promise<Instance> {
  const flavor = { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 };
  return execute<Instance>('buildInstance', { name: `vm-${name}`, image, flavor });
}

async function execute<Result>(type: string, request: object): Promise<Result> {
  const workflowId = `${type}-${randomUUID()}`;
  return own.client.workflow.execute(type, { taskQueue: controlQueue, workflowId, args: [request] });
}

/** No operation has it any more. */
function whenRested({ instanceId, step, point }: Moving): Promise<Instance> {
  const look = async () => {
    const record = own.client.workflow.getHandle(`instance/${instanceId}`);
    const instance = await record.query<Instance>('record').catch(() => null); // away for a moment when its worker is
    return instance?.operation === null ? instance : null;
  };
  return until(look, { what: `the guest that was stopped ${point} ${step} to rest`, timeoutMs: 120_000, intervalMs: 50 });
}
