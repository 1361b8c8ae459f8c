import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import { controlQueue } from '../../src/model/queues.ts';
import type { OperationName } from '../../src/schema/request.ts';
import { asking } from '../lab/asking.ts';
import { blankDisk, blankImage } from '../lab/blank-image.ts';
import { type OwnCloud, ownCloud } from '../lab/cloud-fixture.ts';
import { type FaultPoint, findings, hasPoint, letGo, points, startStopped, stepsOf, struck, whenHit, whenIdle } from './matrix.ts';
import { midsts, snapshotGuests, snapshotWays } from './snapshot-ways.ts';
import { endOfStruck, type Strike, strikes } from './strikes.ts';

/** What is done with images, and until when it can be cancelled. */
interface Row {
  readonly what: string;
  readonly type: OperationName;
  /** A request of its own for each case, about an image that no other case knows. */
  readonly request: () => Promise<{ readonly imageId: string; readonly instanceId?: string }>;
  readonly hearsCancel: (step: string) => boolean;
  /** What is asked of the instance that it is made from, which is removed. */
  readonly requireUsable?: (instanceId: string, strike: Strike) => Promise<void>;
}

const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';
const representative = ['the compute workers are killed with their children'];
const chosen = Object.entries(strikes).filter(([name]) => isLongRun || representative.includes(name));

let own: OwnCloud;
let blank: string;
const steps = new Map<string, readonly string[]>();
const asked = asking(() => own);

const rows: Row[] = [
  {
    what: 'an import',
    type: 'importImage',
    request: async () => ({ imageId: randomUUID(), name: 'imported', source: `file:${await blankDisk(own)}`, diskFormat: 'raw' }),
    hearsCancel: (step) => step !== 'finish',
  },
  { what: 'a copy to the hosts', type: 'cacheImage', request: async () => ({ imageId: await blankImage(own) }), hearsCancel: () => true },
  {
    what: 'a deletion',
    type: 'deleteImage',
    request: async () => ({ imageId: await blankImage(own) }),
    // From its first step on the store there is no way back.
    hearsCancel: (step) => step === 'acceptDeleteImage',
  },
];

/** A guest for each case: in the long run. */
const guests = snapshotGuests(
  () => own,
  asked,
  () => blank,
);
for (const way of isLongRun ? snapshotWays : []) {
  rows.push({
    what: way.what,
    type: 'snapshotInstance',
    request: () => guests.request(way),
    hearsCancel: (step) => step !== 'completeImage' && step !== 'finish',
    requireUsable: (instanceId, strike) => guests.requireUsable(way, instanceId, strike),
  });
}

beforeAll(async () => {
  own = await ownCloud('image-faults', { NOVAFLOW_HOST_CAPACITY_VCPUS: '100', NOVAFLOW_SLOTS_LONG: '20' });
  blank = await blankImage(own);
  for (const { what, type, request } of rows) {
    const workflowId = `clean-${randomUUID()}`;
    await own.client.workflow.execute(type, { taskQueue: controlQueue, workflowId, args: [await request()] });
    steps.set(what, await stepsOf(own, { workflowId }));
  }
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

describe.each(chosen)('when %s', (_name, strike) => {
  describe.each(rows)('in the midst of $what', (row) => {
    test.each(points)('%s the effect of each of its steps, the image is whole or gone, as its record says', async (point) => {
      await eachStepStruck(row, strike, point);
    });
  });
});

/** A worker that was killed is missed after ten seconds: in the long run. */
if (isLongRun) {
  test('an import whose worker is killed half-way is gone on with from what was on the disk', async () => {
    const imageId = randomUUID();
    const sizeBytes = 300 * 1024 ** 2;
    const request = { imageId, name: 'half', source: `file:${await blankDisk(own, sizeBytes)}`, diskFormat: 'raw' };
    const half = await startStopped(own, 'importImage', { step: 'storeImage', point: 'halfway', request });
    await whenHit(own, half);
    await strikes['the compute workers are killed with their children']?.strike(own, [half]);
    // What stopped it is still there: from its beginning it would come to it again.
    expect(await half.run.result()).toMatchObject({ status: 'active', sizeBytes });
    await letGo(own, half);
    await checkedAndRemoved(imageId);
    expect(await findings(own)).toEqual([]);
  });
}

async function eachStepStruck(
  { what, type, request, hearsCancel, requireUsable }: Row,
  strike: Strike,
  point: (typeof points)[number],
): Promise<void> {
  const places = (steps.get(what) ?? []).flatMap((step) => pointsOf(step, point).map((at) => ({ step, point: at })));
  const cases = await Promise.all(places.map(async (place) => startStopped(own, type, { ...place, request: await request() })));
  await struck(own, cases, strike.strike, endOfStruck(strike, hearsCancel));
  await Promise.all(cases.map(({ imageId }) => checkedAndRemoved(imageId)));
  const instances = cases.flatMap(({ instanceId = null }) => (instanceId === null ? [] : [instanceId]));
  await Promise.all(instances.map((instanceId) => requireUsable?.(instanceId, strike)));
  expect(await findings(own)).toEqual([]);
}

/** Where a step is stopped: a long one at several places during its effect. */
function pointsOf(step: string, point: FaultPoint): readonly FaultPoint[] {
  if (!hasPoint(step, point)) return [];
  return point === 'during' ? [point, ...(midsts[step] ?? [])] : [point];
}

async function checkedAndRemoved(imageId: string): Promise<void> {
  const image = await whenIdle<Image>(own, `image/${imageId}`, ({ status }) => status === 'active' || status === 'killed');
  if (image === null) return; // struck before there was a record
  const isStored = () => existsSync(join(own.cloud.settings['NOVAFLOW_IMAGE_STORE_DIRECTORY'] ?? '', imageId));
  if (image.status === 'active') expect(isStored()).toBe(true);
  const { status } = await own.client.workflow.getHandle(`image/${imageId}`).describe();
  if (status.name === 'RUNNING') {
    const removal = { taskQueue: controlQueue, workflowId: `removed-${imageId}`, args: [{ imageId }] };
    await own.client.workflow.execute('deleteImage', removal);
  }
  expect(isStored()).toBe(false);
}
