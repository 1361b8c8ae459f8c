import { execFileSync } from 'node:child_process';
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
const MiB = 1024 ** 2;

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
async function world({ forceRawImages = true } = {}): Promise<World> {
  const directory = await ownDirectory();
  const instancesDir = join(directory, 'instances');
  const store = join(directory, 'store');
  const cache = baseCache({ instancesDir, imageStore: { directory: store }, forceRawImages });
  const image: ImageRef = { id: 'image-1', checksum: sha256(content), diskFormat: 'raw', virtualSizeBytes: content.length };
  const stored = join(store, image.id);
  const base = cache.pathOf(image.id);
  await mkdir(store);
  await writeFile(stored, content);
  return { cache, image, stored, base, files: async () => (await readdir(dirname(base))).sort() };
}

function sha256(text: string | Buffer): string {
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
    expect(await cache.baseOf(image)).toBeNull();
    await inActivity(() => cache.fetch(image));
    expect(await cache.baseOf(image)).toStrictEqual({ path: base, format: 'raw', checksum: image.checksum });
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

  test('fails by the host when its store does not have it', async () => {
    const { cache, image, stored } = await world();
    await rm(stored);
    await expect(inActivity(() => cache.fetch(image))).rejects.toMatchObject({
      type: 'ImageUnusableHere',
      nonRetryable: true,
      message: `image image-1 is not in the store ${dirname(stored)}`,
    });
  });

  test('is refused when another content is here under its id', async () => {
    const { cache, image } = await world();
    await inActivity(() => cache.fetch(image));
    const changed = { ...image, checksum: sha256('something else') };
    await expect(cache.baseOf(changed)).rejects.toMatchObject({ type: 'ImageUnusableHere' });
    await expect(inActivity(() => cache.fetch(changed))).rejects.toMatchObject({ type: 'ImageUnusableHere' });
  });
});

describe('a fetch that died', () => {
  test('half-way leaves a part that the next one replaces', async () => {
    const { cache, image, base, files } = await world();
    const activity = activityContext();
    activity.cancel();
    await expect(inActivity(() => cache.fetch(image), activity)).rejects.toThrow(CancelledFailure);
    expect(await cache.baseOf(image)).toBeNull();

    await mkdir(dirname(base), { recursive: true });
    await writeFile(`${base}.part`, `${content} and what another fetch left behind it`);
    expect(await cache.baseOf(image)).toBeNull();
    await inActivity(() => cache.fetch(image));
    expect(await readFile(base, 'utf8')).toBe(content);
    expect(await files()).not.toContain(`${basename(base)}.part`);
  });

  test('between the checksum and the rename is done again', async () => {
    const { cache, image, base } = await world();
    await mkdir(dirname(base), { recursive: true });
    await writeFile(`${base}.part`, content);
    await writeFile(`${base}.checksum`, `${image.checksum}\n`);
    expect(await cache.baseOf(image)).toBeNull();
    await inActivity(() => cache.fetch(image));
    expect(await readFile(base, 'utf8')).toBe(content);
  });
});

describe('a qcow2 image', () => {
  /** A world whose image is a qcow2 of 1 MiB with some text in it, and that text's disk. */
  async function qcow2World(settings: { forceRawImages: boolean }) {
    const own = await world(settings);
    const disk = Buffer.alloc(MiB);
    disk.write('in the middle', MiB / 2);
    const raw = `${own.stored}.raw`;
    await writeFile(raw, disk);
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, own.stored]);
    await rm(raw);
    const image: ImageRef = { ...own.image, checksum: sha256(await readFile(own.stored)), diskFormat: 'qcow2', virtualSizeBytes: MiB };
    return { ...own, image, disk };
  }

  test('becomes a raw base once, known by the checksum of the disk that it holds', async () => {
    const { cache, image, base, disk, files } = await qcow2World({ forceRawImages: true });
    await inActivity(() => cache.fetch(image));
    expect(await cache.baseOf(image)).toStrictEqual({ path: base, format: 'raw', checksum: sha256(disk) });
    expect((await readFile(base)).equals(disk)).toBe(true);
    const name = basename(base);
    expect(await files()).toStrictEqual([name, `${name}.checksum`, `${name}.lock`]);
    expect(await readFile(`${base}.checksum`, 'utf8')).toBe(`${image.checksum}\nraw ${sha256(disk)}\n`);
  });

  test('stays as it is where raw bases are not forced', async () => {
    const { cache, image, base, stored } = await qcow2World({ forceRawImages: false });
    await inActivity(() => cache.fetch(image));
    expect(await cache.baseOf(image)).toStrictEqual({ path: base, format: 'qcow2', checksum: image.checksum });
    expect((await readFile(base)).equals(await readFile(stored))).toBe(true);
  });

  test('that is here in one form is used in it, whatever the setting has become', async () => {
    const { cache, image, base, stored } = await qcow2World({ forceRawImages: false });
    await inActivity(() => cache.fetch(image));
    const settings = { instancesDir: dirname(dirname(base)), imageStore: { directory: dirname(stored) }, forceRawImages: true };
    const later = baseCache(settings);
    await inActivity(() => later.fetch(image));
    expect(await later.baseOf(image)).toMatchObject({ format: 'qcow2', checksum: image.checksum });
  });

  test('is never put in the place of a base of other content that has lost its checksum', async () => {
    const { cache, image, base } = await qcow2World({ forceRawImages: true });
    await mkdir(dirname(base), { recursive: true });
    await writeFile(base, 'what overlays stand on');
    await expect(inActivity(() => cache.fetch(image))).rejects.toMatchObject({ type: 'ImageUnusableHere' });
    expect(await readFile(base, 'utf8')).toBe('what overlays stand on');
  });

  test('whose conversion died is converted anew', async () => {
    const { cache, image, base, disk, files } = await qcow2World({ forceRawImages: true });
    await mkdir(dirname(base), { recursive: true });
    await writeFile(`${base}.part`, 'half an image');
    await writeFile(`${base}.converted`, 'half a disk');
    await inActivity(() => cache.fetch(image));
    expect((await readFile(base)).equals(disk)).toBe(true);
    expect((await files()).filter((name) => name.endsWith('.converted') || name.endsWith('.part'))).toStrictEqual([]);
  });
});

test('an image that is not what its record says is not converted', async () => {
  const { cache, image, stored, files } = await world();
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', stored, '1M']);
  const of = async (changes: Partial<ImageRef>): Promise<ImageRef> => ({
    ...image,
    checksum: sha256(await readFile(stored)),
    diskFormat: 'qcow2',
    virtualSizeBytes: MiB,
    ...changes,
  });
  const refused = async (ref: ImageRef, message: string) =>
    expect(inActivity(() => cache.fetch(ref))).rejects.toMatchObject({
      type: 'ImageUnacceptable',
      message: expect.stringContaining(message),
    });
  await refused(await of({ virtualSizeBytes: 7 }), 'has a virtual size of 1048576 bytes, its record says 7');
  await refused(await of({ diskFormat: 'raw' }), 'the file is a qcow2 image, not raw');
  await refused(await of({ diskFormat: 'vmdk' }), 'the file is a qcow2 image, not vmdk');
  expect((await files()).filter((name) => !name.endsWith('.lock'))).toStrictEqual([]);
});

test('a vmdk image becomes a raw base whatever the setting', async () => {
  const { cache, image, base, stored } = await world({ forceRawImages: false });
  const raw = `${stored}.raw`;
  await writeFile(raw, Buffer.alloc(MiB, 'v'));
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'vmdk', raw, stored]);
  const vmdk: ImageRef = { ...image, checksum: sha256(await readFile(stored)), diskFormat: 'vmdk', virtualSizeBytes: MiB };
  await inActivity(() => cache.fetch(vmdk));
  expect(await cache.baseOf(vmdk)).toStrictEqual({ path: base, format: 'raw', checksum: sha256(await readFile(raw)) });
});
