import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import type { CachedImage } from '../../src/schema/results.ts';
import { endOf, stepsOf } from './ends.ts';
import { type Fleet, furnish, startFleet, viewOf } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const hosts = ['caches-1', 'caches-2'] as const;

beforeAll(async () => {
  fleet = await startFleet(hosts);
  request = await furnish(fleet, 'caches');
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

function newImage(): Promise<Image> {
  return fleet.run<Image>('importImage', { name: 'to-cache', source: 'file:fake', diskFormat: 'raw' });
}

test('an image is on all hosts before a build wants it, which then fetches nothing', async () => {
  const { id: imageId } = await newImage();
  const run = await fleet.start('cacheImage', { imageId });
  expect(await run.result()).toEqual({ imageId, hosts: hosts.map((host) => ({ host, state: 'cached', reason: null })) });
  expect((await viewOf(run)).steps.map(({ name, host, state }) => [name, host, state])).toEqual(
    hosts.map((host) => ['fetchBases', host, 'done']),
  );
  const build = await fleet.start('buildInstance', { ...request('cached'), image: imageId });
  await build.result();
  expect(await stepsOf(build)).not.toContain('fetchBases');
});

test('a host that fails is told with its reason, and keeps no other from the image', async () => {
  const { id: imageId } = await newImage();
  fleet.at('fetchBases', async (_point, { host }) => {
    if (host === hosts[1]) throw ApplicationFailure.nonRetryable('the disk is full', 'DiskSpaceLow');
  });
  expect(await fleet.run<CachedImage>('cacheImage', { imageId, hosts })).toEqual({
    imageId,
    hosts: [
      { host: hosts[0], state: 'cached', reason: null },
      { host: hosts[1], state: 'failed', reason: 'the disk is full' },
    ],
  });
  expect(hosts.map((host) => fleet.hosts.get(host)?.bases.has(imageId))).toEqual([true, false]);
});

test('a host that is disabled gets an image when it is named, and else is left out', async () => {
  const { id: imageId } = await newImage();
  await fleet.run('disableHost', { host: hosts[1] });
  try {
    expect((await fleet.run<CachedImage>('cacheImage', { imageId })).hosts.map(({ host }) => host)).toEqual([hosts[0]]);
    expect((await fleet.run<CachedImage>('cacheImage', { imageId, hosts: [hosts[1]] })).hosts).toMatchObject([{ state: 'cached' }]);
  } finally {
    await fleet.run('enableHost', { host: hosts[1] });
  }
});

test('a cancel ends it, and no host begins after it', async () => {
  const { id: imageId } = await newImage();
  const held = fleet.holdAt('fetchBases');
  const run = await fleet.start('cacheImage', { imageId, hosts: [hosts[0]] });
  await held.reached;
  await run.cancel();
  expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
  expect(fleet.hosts.get(hosts[0])?.bases.has(imageId)).toBe(false);
});

test.each([
  ['an image that is not there', { imageId: '0f8fad5b-d9cb-469f-a165-70867728950e' }, 'ImageNotFound'],
  ['a host that is not there', { hosts: ['nowhere'] }, 'HostNotFound'],
  ['a host that is not a name', { hosts: ['../cn1'] }, 'InvalidRequest'],
])('%s is refused at once', async (_what, wrong, type) => {
  const run = await fleet.start('cacheImage', { imageId: request('any').image, ...wrong });
  expect(await endOf(run)).toMatchObject({ type });
  expect(await stepsOf(run)).toEqual(['acceptCacheImage']);
});
