import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, type Run, startFleet, viewOf } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;

beforeAll(async () => {
  fleet = await startFleet(['image-1', 'image-2']);
  request = await furnish(fleet, `delete-image-${randomUUID().slice(0, 8)}`);
});
afterAll(() => fleet[Symbol.asyncDispose]());

function imported(name: string, more: object = {}): Promise<Image> {
  return fleet.run<Image>('importImage', { name, source: 'file:fake', diskFormat: 'raw', ...more });
}

function store(): ReadonlySet<string> {
  return fleet.hosts.get('image-1')?.images ?? new Set();
}

/** How a delete of an image ended: its failure, or null. */
async function endOfDelete(imageId: string) {
  return endOf(await fleet.start('deleteImage', { imageId }));
}

function isOver({ client }: Fleet, imageId: string): Promise<boolean> {
  return client.workflow
    .getHandle(`image/${imageId}`)
    .describe()
    .then(({ status }) => status.name === 'COMPLETED');
}

describe('an image that nothing uses', () => {
  test('is deleted: its file is gone, its record says killed and is over', async () => {
    const { id } = await imported('unused');
    expect(await fleet.run('deleteImage', { imageId: id })).toMatchObject({ id, status: 'killed' });
    expect(store()).not.toContain(id);
    expect(await eventually(async () => ((await isOver(fleet, id)) ? true : null))).toBe(true);
    expect(await endOf(await fleet.start('buildInstance', { ...request('late'), image: id }))).toMatchObject({ type: 'ImageNotFound' });
    expect(await endOfDelete(id)).toMatchObject({ type: 'ImageNotFound' });
    expect(
      await endOf(await fleet.start('importImage', { name: 'again', source: 'file:fake', diskFormat: 'raw', imageId: id })),
    ).toMatchObject({
      type: 'ImageExists',
    });
  });

  test('is deleted whatever an import that was terminated left of it', async () => {
    const { reached } = fleet.holdAt('storeImage');
    const run = await fleet.start('importImage', { name: 'terminated', source: 'file:fake', diskFormat: 'raw' });
    await reached;
    await run.terminate();
    const id = run.firstExecutionRunId;
    await eventually(async () => ((await fleet.record<Image>(`image/${id}`)).status === 'killed' ? true : null));
    fleet.leaveAlone();
    expect(await fleet.run('deleteImage', { imageId: id })).toMatchObject({ status: 'killed' });
    expect(store()).not.toContain(id);
  });

  test('that is not there is not found', async () => {
    expect(await endOfDelete(randomUUID())).toMatchObject({ type: 'ImageNotFound' });
  });
});

describe('an image that is used stays as it was', () => {
  async function stays(imageId: string, user: string): Promise<void> {
    expect(await endOfDelete(imageId)).toMatchObject({ type: 'ImageInUse', message: expect.stringContaining(user) });
    expect(await fleet.record(`image/${imageId}`)).toMatchObject({ status: 'active' });
    expect(store()).toContain(imageId);
  }

  test('while an instance is built from it, and as long as that is there', async () => {
    const { id: image } = await imported('of-an-instance');
    const { reached, release } = fleet.holdAt('defineDomain');
    const build = await fleet.start('buildInstance', { ...request('user'), image });
    await reached;
    await stays(image, `instance ${build.firstExecutionRunId}`);
    release();
    const { id: instanceId } = (await build.result()) as Instance;
    await stays(image, `instance ${instanceId}`);
    await fleet.run('deleteInstance', { instanceId });
    expect(await fleet.run('deleteImage', { imageId: image })).toMatchObject({ status: 'killed' });
  });

  test('while it is the kernel or the ramdisk of another image', async () => {
    const { id: kernelId } = await imported('kernel', { diskFormat: 'aki' });
    const { id: ramdiskId } = await imported('ramdisk', { diskFormat: 'ari' });
    const { id } = await imported('root', { kernelId, ramdiskId });
    await stays(kernelId, `image root (${id})`);
    await stays(ramdiskId, `image root (${id})`);
    for (const imageId of [id, kernelId, ramdiskId])
      expect(await fleet.run('deleteImage', { imageId })).toMatchObject({ status: 'killed' });
  });

  test('while it is imported', async () => {
    const { reached, release } = fleet.holdAt('storeImage');
    const run = await fleet.start('importImage', { name: 'comes', source: 'file:fake', diskFormat: 'raw' });
    await reached;
    expect(await endOfDelete(run.firstExecutionRunId)).toMatchObject({
      type: 'ImageInUse',
      message: expect.stringContaining(`is held by importImage since`),
    });
    release();
    expect(await run.result()).toMatchObject({ status: 'active' });
  });
});

describe('a delete', () => {
  test('whose host fails waits for an operator, and goes on when it is mended', async () => {
    const { id } = await imported('parked');
    fleet.at('removeStoredImage', () => Promise.reject(ApplicationFailure.nonRetryable('the store is away', 'StoreAway')));
    const run = await fleet.start('deleteImage', { imageId: id });
    expect(await eventually(async () => (await viewOf(run)).parked)).toMatchObject({ step: 'removeStoredImage', attention: 'StepFailed' });
    expect(await fleet.record(`image/${id}`)).toMatchObject({ status: 'killed' });
    expect(await endOfDelete(id)).toMatchObject({ type: 'ImageInUse', message: expect.stringContaining('is held by deleteImage') });
    fleet.leaveAlone();
    await run.executeUpdate('retry', { args: [{ reason: 'the store is back' }] });
    expect(await run.result()).toMatchObject({ id, status: 'killed' });
  });

  test('that was terminated is done again', async () => {
    const { id } = await imported('twice');
    const { reached } = fleet.holdAt('removeStoredImage');
    const run: Run = await fleet.start('deleteImage', { imageId: id });
    await reached;
    await run.terminate();
    fleet.leaveAlone();
    const end = await eventually(async () => {
      const failure = await endOfDelete(id);
      return failure?.type === 'ImageInUse' ? null : { failure }; // until the record has heard of the end
    });
    expect(end.failure).toBeNull();
    expect(store()).not.toContain(id);
  });
});
