import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import { controlQueue } from '../../src/model/queues.ts';
import type { OperationName } from '../../src/schema/request.ts';
import { blankDisk, blankImage } from '../lab/blank-image.ts';
import { type OwnCloud, ownCloud } from '../lab/cloud-fixture.ts';
import { findings, points, startStopped, stepsOf, struck, whenIdle } from './matrix.ts';
import { endOfStruck, type Strike, strikes } from './strikes.ts';

/** What is done with images, and until when it can be cancelled. */
interface Row {
  readonly type: OperationName;
  /** A request of its own for each case, about an image that no other case knows. */
  readonly request: () => Promise<{ readonly imageId: string }>;
  readonly hearsCancel: (step: string) => boolean;
}

const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';
const representative = ['the compute workers are killed with their children', 'they are cancelled', 'they are terminated'];
const chosen = Object.entries(strikes).filter(([name]) => isLongRun || representative.includes(name));

let own: OwnCloud;
const steps = new Map<OperationName, readonly string[]>();

const rows: readonly Row[] = [
  {
    type: 'importImage',
    request: async () => ({ imageId: randomUUID(), name: 'imported', source: `file:${await blankDisk(own)}`, diskFormat: 'raw' }),
    hearsCancel: (step) => step !== 'finish',
  },
  { type: 'cacheImage', request: async () => ({ imageId: await blankImage(own) }), hearsCancel: () => true },
  {
    type: 'deleteImage',
    request: async () => ({ imageId: await blankImage(own) }),
    // From its first step on the store there is no way back.
    hearsCancel: (step) => step === 'acceptDeleteImage',
  },
];

beforeAll(async () => {
  own = await ownCloud('image-faults');
  for (const { type, request } of rows) {
    const workflowId = `clean-${type}`;
    await own.client.workflow.execute(type, { taskQueue: controlQueue, workflowId, args: [await request()] });
    steps.set(type, await stepsOf(own, { workflowId }));
  }
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

describe.each(chosen)('when %s', (_name, strike) => {
  describe.each(rows)('in the midst of $type', (row) => {
    test.each(points)('%s the effect of each of its steps, the image is whole or gone, as its record says', async (point) => {
      await eachStepStruck(row, strike, point);
    });
  });
});

async function eachStepStruck({ type, request, hearsCancel }: Row, strike: Strike, point: (typeof points)[number]): Promise<void> {
  const cases = await Promise.all(
    (steps.get(type) ?? []).map(async (step) => startStopped(own, type, { step, point, request: await request() })),
  );
  await struck(own, cases, strike.strike, endOfStruck(strike, hearsCancel));
  await Promise.all(cases.map(({ imageId }) => checkedAndRemoved(imageId)));
  expect(await findings(own)).toEqual([]);
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
