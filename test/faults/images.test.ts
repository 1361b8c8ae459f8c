import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInHost } from '../../lab/lab.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
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
  readonly request: () => Promise<{ readonly imageId: string; readonly instanceId?: string }>;
  readonly hearsCancel: (step: string) => boolean;
}

const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';
const representative = ['the compute workers are killed with their children'];
const chosen = Object.entries(strikes).filter(([name]) => isLongRun || representative.includes(name));

let own: OwnCloud;
let blank: string;
const steps = new Map<OperationName, readonly string[]>();

const rows: Row[] = [
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

/** A guest for each case: in the long run. It runs again whatever strikes, unless the operation is terminated. */
if (isLongRun) {
  rows.push({
    type: 'snapshotInstance',
    request: async () => ({ imageId: randomUUID(), instanceId: await blankGuest(), name: 'shot', mode: 'cold' }),
    hearsCancel: (step) => step !== 'completeImage' && step !== 'finish',
  });
}

beforeAll(async () => {
  own = await ownCloud('image-faults', { NOVAFLOW_HOST_CAPACITY_VCPUS: '100', NOVAFLOW_SLOTS_LONG: '20' });
  blank = await blankImage(own);
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
  const guests = cases.flatMap(({ instanceId = null }) => (instanceId === null ? [] : [instanceId]));
  await Promise.all(guests.map((instanceId) => runsAndIsRemoved(instanceId, strike)));
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

async function blankGuest(): Promise<string> {
  const flavor = { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 };
  const build = { name: 'blank', image: blank, flavor, networks: 'none' };
  const options = { taskQueue: controlQueue, workflowId: `build-${randomUUID()}`, args: [build] };
  return ((await own.client.workflow.execute('buildInstance', options)) as Instance).id;
}

async function runsAndIsRemoved(instanceId: string, { outcome }: Strike): Promise<void> {
  const instance = await whenIdle<Instance>(own, `instance/${instanceId}`, ({ operation }) => operation === null);
  if (outcome !== 'is terminated') expect(instance).toMatchObject({ vmState: 'active', powerState: 'running' });
  const host = own.cloud.lab.hosts.find(({ name }) => name === instance?.host);
  if (host !== undefined && outcome !== 'is terminated') {
    expect((await runInHost(host, ['virsh', 'domstate', instanceId])).trim()).toBe('running');
  }
  const options = { taskQueue: controlQueue, workflowId: `removed-${instanceId}`, args: [{ instanceId }] };
  await own.client.workflow.execute('deleteInstance', options);
}
