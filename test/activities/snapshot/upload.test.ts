import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { WhileHolding } from '../../../src/activities/holding.ts';
import { extractedImage } from '../../../src/activities/snapshot/files.ts';
import { uploadActivities } from '../../../src/activities/snapshot/upload.ts';
import { inActivity, ownDirectory } from '../surroundings.ts';

const of = { token: { run: 'run', generation: 7, step: 5 }, instanceId: 'instance-1', imageId: 'image-1' };
const imageToken = { run: 'run', generation: 1 };

/** An instance with something extracted, and an empty store. */
async function world(content: string | Buffer | null = 'abc') {
  const root = await ownDirectory();
  const [instancesDir, store] = [join(root, 'instances'), join(root, 'store')];
  const directory = join(instancesDir, of.instanceId);
  const whileHolding: WhileHolding = (_id, _token, work) => work(directory);
  const image = await extractedImage(directory, of.imageId);
  await mkdir(dirname(image), { recursive: true });
  if (content !== null) await writeFile(image, content);
  const activities = uploadActivities(whileHolding, { instancesDir, imageStore: { directory: store } });
  return {
    directory,
    stored: join(store, of.imageId),
    upload: (step = of.token.step) =>
      inActivity(() => activities.uploadSnapshot({ ...of, token: { ...of.token, step }, imageToken, format: 'raw' })),
    remove: (step: number) => inActivity(() => activities.removeUploaded({ ...of, token: { ...of.token, step }, imageToken })),
    files: async () => (await readdir(store)).filter((name) => !/\.(?:lock|generation)$/.test(name)),
  };
}

test('an image that is uploaded lies in the store with its checksum, and not in the instance’s directory any more', async () => {
  const { directory, stored, upload, files } = await world();
  const checksum = `sha256:${createHash('sha256').update('abc').digest('hex')}`;
  expect(await upload()).toEqual({ sizeBytes: 3, checksum, virtualSizeBytes: 3 });
  expect(await readFile(stored, 'utf8')).toBe('abc');
  expect([await files(), await readdir(directory)]).toEqual([['image-1'], []]);
  expect(await upload()).toEqual({ sizeBytes: 3, checksum, virtualSizeBytes: 3 });
});

test('what is to be uploaded and is gone with a start of the host is said to be lost', async () => {
  const { upload, files } = await world(null);
  await expect(upload()).rejects.toMatchObject({ type: 'SnapshotLost', nonRetryable: true });
  expect(await files()).toEqual([]);
});

test('a raw disk that looks like another format becomes no image: whoever guesses would take it for one', async () => {
  const { upload, files } = await world(Buffer.from(`QFI\xfb${'\0'.repeat(600)}`, 'latin1'));
  await expect(upload()).rejects.toMatchObject({ type: 'ImageUnacceptable' });
  expect(await files()).toEqual([]);
});

test('an upload that comes later than the removal of what it stored stores nothing', async () => {
  const { upload, remove, files } = await world();
  await upload(5);
  for (const _ of ['once', 'once more']) await remove(6);
  expect(await files()).toEqual([]);
  await expect(upload(5)).rejects.toMatchObject({ type: 'StaleToken' });
  expect(await files()).toEqual([]);
});
