import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { blankImage } from '../lab/blank-image.ts';
import { type OwnCloud, ownCloud } from '../lab/cloud-fixture.ts';
import { endOf } from '../workflows/ends.ts';
import { findings, letGo, type Stopped, startStopped, whenHit } from './matrix.ts';
import { strikes } from './strikes.ts';

/** Every step up to the decision, in their order, each stopped after its effect and before that is known: the hardest case. */
const steps = [
  'keepClaimForMigration',
  'selectDestination',
  'claimResources',
  'writeProbe',
  'planArrival',
  'switchGuestOff',
  'setDisksAside',
  'sendFiles',
  'sealFiles',
  'placeDisks',
  'defineDomain',
  'startPaused',
  'runGuest',
] as const;

/** Where an instance rests after a strike: a cancel takes it back, and a terminated one is an operator's, who deletes it. */
const restsAs = { 'goes on': 'resized', 'is cancelled': 'active', 'is terminated': 'error' } as const;

const isLong = process.env['NOVAFLOW_TEST_ALL'] === '1';
/** Of the shorter run: what undoes most. */
const struckAlways = ['they are cancelled'];

let own: OwnCloud;
let image: string;

beforeAll(async () => {
  own = await ownCloud('faults-resize', { NOVAFLOW_HOST_CAPACITY_VCPUS: '200', NOVAFLOW_SHUTDOWN_TIMEOUT_SECONDS: '0' });
  image = await blankImage(own);
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

describe.each(Object.entries(strikes).filter(([name]) => isLong || struckAlways.includes(name)))(
  'when %s',
  (_name, { strike, outcome }) => {
    test('at each step of a resize, each guest runs once, with all it needs, and nothing else is left', async () => {
      const struck = isLong ? steps : steps.filter((step) => ['setDisksAside', 'placeDisks', 'runGuest'].includes(step));
      const cases = await Promise.all(struck.map(started));
      await Promise.all(cases.map((one) => whenHit(own, one)));
      await strike(own, cases);
      await Promise.all(cases.map((one) => letGo(own, one)));
      const rested = await Promise.all(cases.map(({ instanceId }) => whenRested(instanceId)));
      expect(rested.map(({ vmState }) => vmState)).toEqual(cases.map(() => restsAs[outcome]));
      if (outcome !== 'is terminated') expect(rested.map(({ powerState }) => powerState)).toEqual(cases.map(() => 'running'));
      expect(await findings(own)).toEqual([]);
      if (outcome === 'is cancelled') for (const { run } of cases) expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
      await Promise.all(cases.map(({ instanceId }) => execute('deleteInstance', { instanceId })));
      expect(await findings(own)).toEqual([]);
    });
  },
);

async function started(step: string): Promise<Stopped & { readonly instanceId: string }> {
  const flavor = { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 };
  const { id: instanceId } = await execute<Instance>('buildInstance', { name: `vm-${step}`, image, flavor });
  const request = { instanceId, flavor: { ...flavor, name: 'larger', memoryMiB: 24 } };
  return startStopped(own, 'resizeInstance', { step, point: 'after', request });
}

async function execute<Result>(type: string, request: object): Promise<Result> {
  const workflowId = `${type}-${randomUUID()}`;
  return own.client.workflow.execute(type, { taskQueue: controlQueue, workflowId, args: [request] });
}

/** No operation has it any more: it is resized and waits, or it is where it was. */
function whenRested(instanceId: string): Promise<Instance> {
  const look = async () => {
    const record = own.client.workflow.getHandle(`instance/${instanceId}`);
    const instance = await record.query<Instance>('record').catch(() => null); // away for a moment when its worker is
    return instance?.operation === null ? instance : null;
  };
  return until(look, { what: `${instanceId} to rest`, timeoutMs: 120_000, intervalMs: 50 });
}
