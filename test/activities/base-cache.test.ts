import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { describe, expect, test, vi } from 'vitest';
import type { ImageRef } from '../../src/activities/accept/images.ts';
import { type BaseCache, baseCache } from '../../src/activities/base-cache.ts';
import { type Progress, progressHolder } from '../../src/activities/progress.ts';
import { activityContext, inActivity, ownDirectory } from './surroundings.ts';

vi.setConfig({ testTimeout: 30_000 }); // ten processes wait for a lock

const content = 'what is in the image';

interface World {
  readonly cache: BaseCache;
  readonly image: ImageRef;
  /** Where the image lies in the store. */
  readonly stored: string;
  /** Where it comes to lie on the host. */
  readonly base: string;
  readonly files: () => Promise<readonly string[]>;
}

/** A host without images, and a store with one. */
async function world(): Promise<World> {
  const directory = await ownDirectory();
  const instancesDir = join(directory, 'instances');
  const store = join(directory, 'store');
  const cache = baseCache({ instancesDir, imageStore: { directory: store } });
  const image: ImageRef = { id: 'image-1', checksum: sha256(content), diskFormat: 'raw', virtualSizeBytes: content.length };
  const stored = join(store, image.id);
  const base = cache.pathOf(image.id);
  await mkdir(store);
  await writeFile(stored, content);
  return { cache, image, stored, base, files: async () => (await readdir(dirname(base))).sort() };
}

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** Counts how often something was copied meanwhile: files of less than a MiB tell their progress once. */
async function copiesDuring(work: () => Promise<unknown>): Promise<number> {
  const told: (Progress | null)[] = [];
  const teller = {
    get current() {
      return told.at(-1) ?? null;
    },
    set current(progress: Progress | null) {
      told.push(progress);
    },
  };
  await progressHolder.run(teller, work);
  return told.length;
}

test('an image is named as Nova names it', async () => {
  const { cache } = await world();
  expect(basename(cache.pathOf('2a7c0b7e-0000-4000-8000-000000000001'))).toBe('8dbc194555306147291dec08b9d32de44abef4c5');
});

describe('an image that is fetched', () => {
  test('is there, with its checksum beside it', async () => {
    const { cache, image, base, files } = await world();
    expect(await cache.has(image)).toBe(false);
    await inActivity(() => cache.fetch(image));
    expect(await cache.has(image)).toBe(true);
    expect(await readFile(base, 'utf8')).toBe(content);
    const name = basename(base);
    expect(await files()).toStrictEqual([name, `${name}.checksum`, `${name}.lock`]);
  });

  test('is copied once for ten that ask at the same time', async () => {
    const { cache, image, base } = await world();
    const copies = await copiesDuring(() => inActivity(() => Promise.all(Array.from({ length: 10 }, () => cache.fetch(image)))));
    expect(copies).toBe(1);
    expect(await readFile(base, 'utf8')).toBe(content);
  });

  test('again is left as it is', async () => {
    const { cache, image, base, stored } = await world();
    await inActivity(() => cache.fetch(image));
    const { ino } = await stat(base);
    await rm(stored);
    await inActivity(() => cache.fetch(image));
    expect((await stat(base)).ino).toBe(ino);
  });

  test('is refused when it is not what its record says, and nothing but the lock is left', async () => {
    const { cache, image, base, files } = await world();
    const wrong = { ...image, checksum: sha256('something else') };
    await expect(inActivity(() => cache.fetch(wrong))).rejects.toMatchObject({
      type: 'ImageUnacceptable',
      message: `image image-1 in the store has ${image.checksum}, its record says ${wrong.checksum}`,
    });
    expect(await files()).toStrictEqual([`${basename(base)}.lock`]);
  });

  test('is refused when the store does not have it', async () => {
    const { cache, image, stored } = await world();
    await rm(stored);
    await expect(inActivity(() => cache.fetch(image))).rejects.toMatchObject({
      type: 'ImageUnacceptable',
      message: `image image-1 is not in the store ${dirname(stored)}`,
    });
  });

  test('is refused when another content is here under its id', async () => {
    const { cache, image } = await world();
    await inActivity(() => cache.fetch(image));
    const changed = { ...image, checksum: sha256('something else') };
    await expect(cache.has(changed)).rejects.toMatchObject({ type: 'ImageUnacceptable' });
    await expect(inActivity(() => cache.fetch(changed))).rejects.toMatchObject({ type: 'ImageUnacceptable' });
  });
});

describe('a fetch that died', () => {
  test('half-way leaves a part that the next one replaces', async () => {
    const { cache, image, base, files } = await world();
    const activity = activityContext();
    activity.cancel();
    await expect(inActivity(() => cache.fetch(image), activity)).rejects.toThrow(CancelledFailure);
    expect(await cache.has(image)).toBe(false);

    await mkdir(dirname(base), { recursive: true });
    await writeFile(`${base}.part`, `${content} and what another fetch left behind it`);
    expect(await cache.has(image)).toBe(false);
    await inActivity(() => cache.fetch(image));
    expect(await readFile(base, 'utf8')).toBe(content);
    expect(await files()).not.toContain(`${basename(base)}.part`);
  });

  test('between the checksum and the rename is done again', async () => {
    const { cache, image, base } = await world();
    await mkdir(dirname(base), { recursive: true });
    await writeFile(`${base}.part`, content);
    await writeFile(`${base}.checksum`, `${image.checksum}\n`);
    expect(await cache.has(image)).toBe(false);
    await inActivity(() => cache.fetch(image));
    expect(await readFile(base, 'utf8')).toBe(content);
  });
});
