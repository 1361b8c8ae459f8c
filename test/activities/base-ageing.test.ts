import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ImageRef } from '../../src/activities/accept/images.ts';
import { basesOfFiles } from '../../src/activities/base-ageing/uses.ts';
import { ageBases } from '../../src/activities/base-ageing.ts';
import { baseCache } from '../../src/activities/base-cache.ts';
import { baseNameOf, baseNamesIn } from '../../src/model/base-name.ts';
import { createOverlayArgs } from '../../src/qemu/img.ts';
import { inActivity, ownDirectory, untilOpenHere } from './surroundings.ts';

const hourMs = 3_600_000;

/** A host with an image in its cache, 25 hours old, and what uses it: nothing, until a test says else. */
async function world(keepHours = 24) {
  const directory = await ownDirectory();
  const instancesDir = join(directory, 'instances');
  const store = join(directory, 'store');
  await mkdir(store);
  const content = Buffer.alloc(1024 ** 2, 'x');
  await writeFile(join(store, 'image-1'), content);
  const checksum = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const image: ImageRef = { id: 'image-1', checksum, diskFormat: 'raw', virtualSizeBytes: content.length };
  const cache = baseCache({ instancesDir, imageStore: { directory: store }, forceRawImages: true });
  await inActivity(() => cache.fetch(image));
  const base = cache.pathOf(image.id);
  const config = { instancesDir, imageCache: { keepHours, passSeconds: 1, precacheConcurrency: 1 } };
  await aged(base);
  const used = new Set<string>();
  return {
    image,
    cache,
    base,
    instancesDir,
    name: baseNameOf(image.id),
    used,
    pass: (): Promise<readonly string[]> => ageBases(config, async () => new Set([...used, ...(await basesOfFiles(instancesDir))])),
    files: async () => (await readdir(join(instancesDir, '_base'))).sort(),
    overlay: async (path: string) => {
      await mkdir(join(path, '..'), { recursive: true });
      execFileSync('qemu-img', [...createOverlayArgs({ base, baseFormat: 'raw', path, sizeBytes: null })]);
    },
  };
}

/** Makes all of a base as old as if it had been fetched 25 hours ago. */
async function aged(base: string): Promise<void> {
  const at = new Date(Date.now() - 25 * hourMs);
  for (const suffix of ['', '.checksum', '.lock', '.part', '.grown']) await utimes(`${base}${suffix}`, at, at).catch(() => {});
}

test('an image that nothing has used for longer than it is kept is removed with all that belongs to it', async () => {
  const { pass, files, name, base } = await world();
  await writeFile(`${base}.part`, 'of a fetch that died long ago');
  await mkdir(`${base}.grown`);
  await writeFile(join(`${base}.grown`, '1073741824'), 'an overlay that disks were copied from');
  await aged(base);
  expect(await pass()).toStrictEqual([name]);
  expect(await files()).toStrictEqual(['lock']);
});

test.for([
  [
    'that a record of this host has',
    async ({ used, name }: World) => {
      used.add(name);
    },
  ],
  ['that a disk stands on', async ({ overlay, instancesDir }: World) => overlay(join(instancesDir, 'web1', 'disk'))],
  [
    'that a disk of before a resize stands on',
    async ({ overlay, instancesDir }: World) => overlay(join(instancesDir, 'web1_resize', 'disk')),
  ],
  [
    'that a disk stands on which is being made',
    async ({ overlay, instancesDir }: World) => overlay(join(instancesDir, 'web1', 'disk.partial')),
  ],
] as const)(
  'an image %s is kept, and is as new when it is used no more',
  async ([, use]: readonly [string, (own: World) => Promise<void>]) => {
    const own = await world();
    await use(own);
    expect(await own.pass()).toStrictEqual([]);
    expect(Date.now() - (await stat(own.base)).mtimeMs).toBeLessThan(hourMs);
    own.used.clear();
    await rm(join(own.instancesDir, 'web1'), { recursive: true, force: true });
    await rm(join(own.instancesDir, 'web1_resize'), { recursive: true, force: true });
    expect(await own.pass()).toStrictEqual([]);
  },
);

test('an image that is not old enough is kept', async () => {
  const { pass, base, cache, image } = await world();
  await utimes(base, new Date(), new Date(Date.now() - 23 * hourMs));
  expect(await pass()).toStrictEqual([]);
  expect(await cache.baseOf(image)).not.toBeNull();
});

test('what is not named as an image of ours is left alone, however old', async () => {
  const { pass, files, instancesDir } = await world();
  const foreign = join(instancesDir, '_base', 'ephemeral_20_default');
  await writeFile(foreign, '');
  await aged(foreign);
  await pass();
  expect(await files()).toStrictEqual(['ephemeral_20_default', 'lock']);
});

test('nothing is removed when what uses the images cannot be read', async () => {
  const { instancesDir, cache, image } = await world();
  const unreadable = () => Promise.reject(new Error('no server'));
  await expect(
    ageBases({ instancesDir, imageCache: { keepHours: 0, passSeconds: 1, precacheConcurrency: 1 } }, unreadable),
  ).rejects.toThrow('no server');
  expect(await cache.baseOf(image)).not.toBeNull();
});

test('a build that found the image makes its overlay before a pass can remove it', async () => {
  const { cache, image, overlay, instancesDir, pass, base } = await world();
  const found = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const build = cache.keeping(async () => {
    expect(await cache.baseOf(image)).not.toBeNull();
    found.resolve();
    await goOn.promise;
    await overlay(join(instancesDir, 'web1', 'disk'));
  });
  await found.promise;
  // The pass has seen that nothing uses the image, and waits for the build.
  const removal = pass();
  expect(await Promise.race([removal, untilOpenHere(2, join(instancesDir, '_base', 'lock'))])).toBeUndefined();
  goOn.resolve();
  await build;
  expect(await removal).toStrictEqual([]);
  expect((await stat(base)).size).toBe(1024 ** 2);
});

test('a build that comes while an image is removed does not find it', async () => {
  const { cache, image, pass, name } = await world();
  const [removed, found] = await Promise.all([pass(), untilGone(() => cache.keeping(() => cache.baseOf(image)))]);
  expect({ removed, found }).toStrictEqual({ removed: [name], found: null });
  await inActivity(() => cache.fetch(image));
  expect(await cache.baseOf(image)).toMatchObject({ checksum: image.checksum });
});

test('two passes at the same time remove an image once', async () => {
  const { pass, files, name } = await world();
  const removed = (await Promise.all([pass(), pass()])).flat();
  expect(removed).toStrictEqual([name]);
  expect(await files()).toStrictEqual(['lock']);
});

test.for(['after the rename', 'after the note'] as const)(
  'a removal that a power loss ended %s is ended by the next pass',
  async (when) => {
    const { base, pass, files, cache, image } = await world();
    await rename(base, `${base}.aged`);
    if (when === 'after the note') await rm(`${base}.checksum`);
    expect(await cache.baseOf(image)).toBeNull();
    await utimes(`${base}.aged`, new Date(0), new Date(0));
    await pass();
    expect(await files()).toStrictEqual(['lock']);
  },
);

test('a base is recognised in whatever names its path', () => {
  const name = baseNameOf('image-1');
  expect(
    baseNamesIn(`<source file='/instances/_base/${name}'/> json:{"filename":"/x/_base/${name}"} /_base/${name}0 _base/short`),
  ).toStrictEqual([name, name]);
});

type World = Awaited<ReturnType<typeof world>>;

async function untilGone<Found>(look: () => Promise<Found | null>): Promise<Found | null> {
  for (;;) {
    const found = await look();
    if (found === null) return null;
  }
}
