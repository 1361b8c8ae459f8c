import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ImageActivities, type ImageLongActivities, imageStoreActivities, type Stored } from '../../src/activities/image-store.ts';
import { loadConfig } from '../../src/config.ts';
import type { ImageFormat } from '../../src/model/image.ts';
import { inActivity, ownDirectory } from './surroundings.ts';

const token = { run: 'run', generation: 1 };
const checksumOfAbc = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

interface World {
  readonly store: (source: string, diskFormat?: ImageFormat, checksum?: string | null) => Promise<Stored>;
  readonly activities: ImageLongActivities & ImageActivities;
  /** Below which a source has to lie; `secret` lies beside it. */
  readonly imports: string;
  readonly stored: string;
  readonly files: () => Promise<readonly string[]>;
}

/** An empty store and an import directory with the file `abc`. */
async function world(): Promise<World> {
  const directory = await ownDirectory();
  const imports = join(directory, 'imports');
  const storeDirectory = join(directory, 'store');
  await mkdir(imports);
  await writeFile(join(imports, 'abc'), 'abc');
  await writeFile(join(directory, 'secret'), 'secret');
  const config = loadConfig({ env: {}, flags: { 'imageStore.directory': storeDirectory, importDirectory: imports } });
  const activities = imageStoreActivities(config);
  return {
    activities,
    imports,
    stored: join(storeDirectory, 'image-1'),
    files: async () => (await readdir(storeDirectory)).filter((name) => !/\.(?:lock|generation)$/.test(name)).sort(),
    store: (source, diskFormat = 'raw', checksum = null) =>
      inActivity(() => activities.storeImage({ token, imageId: 'image-1', source, diskFormat, checksum })),
  };
}

describe('an image that is imported', () => {
  test('lies in the store under its id, with its size and checksum', async () => {
    const { store, stored, files } = await world();
    expect(await store('file:abc')).toStrictEqual({ sizeBytes: 3, checksum: checksumOfAbc, virtualSizeBytes: 3 });
    expect(await readFile(stored, 'utf8')).toBe('abc');
    expect(await files()).toStrictEqual(['image-1']);
  });

  test('may be named by its whole path', async () => {
    const { store, imports } = await world();
    expect(await store(`file:${join(imports, 'abc')}`)).toMatchObject({ checksum: checksumOfAbc });
  });

  test('again finds its own result, without the source', async () => {
    const { store, stored } = await world();
    const first = await store('file:abc');
    const { ino } = await stat(stored);
    expect(await store('file:gone')).toStrictEqual(first);
    expect((await stat(stored)).ino).toBe(ino);
  });

  test('after an attempt that died half-way is whole', async () => {
    const { store, stored } = await world();
    await mkdir(join(stored, '..'));
    await writeFile(`${stored}.part`, 'abcdef, which is longer');
    expect(await store('file:abc')).toMatchObject({ sizeBytes: 3, checksum: checksumOfAbc });
    expect(await readFile(stored, 'utf8')).toBe('abc');
  });

  test('has the virtual size that its header tells', async () => {
    const { store, imports } = await world();
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '--', join(imports, 'disk'), '7M']);
    expect(await store('file:disk', 'qcow2')).toMatchObject({ virtualSizeBytes: 7_340_032 });
  });

  test('with the checksum that was asked for is taken', async () => {
    const { store } = await world();
    expect(await store('file:abc', 'raw', checksumOfAbc)).toMatchObject({ checksum: checksumOfAbc });
  });
});

describe('a source', () => {
  test.for<[string, string, (world: { imports: string }) => Promise<unknown>]>([
    ['file:../secret', 'source leads out of', async () => {}],
    ['file:sub/../../secret', 'source leads out of', ({ imports }) => mkdir(join(imports, 'sub'))],
    ['file:link', 'source leads out of', ({ imports }) => symlink('../secret', join(imports, 'link'))],
    ['file:linked/secret', 'source leads out of', ({ imports }) => symlink('..', join(imports, 'linked'))],
    ['file:/etc/hostname', 'source leads out of', async () => {}],
    ['file:.', 'source leads out of', async () => {}],
    ['file:gone', 'source there is no file gone below', async () => {}],
    ['file:sub', 'source sub is no regular file', ({ imports }) => mkdir(join(imports, 'sub'))],
    ['file:pipe', 'source pipe is no regular file', async ({ imports }) => execFileSync('mkfifo', [join(imports, 'pipe')])],
  ])('%s is refused: %s', async ([source, message, prepare]) => {
    const { store, files, imports } = await world();
    await prepare({ imports });
    await expect(store(source)).rejects.toMatchObject({
      type: 'InvalidRequest',
      nonRetryable: true,
      message: expect.stringContaining(message),
      details: [{ fields: [{ field: 'source' }] }],
    });
    expect(await files()).toStrictEqual([]);
  });

  test('may be a link that stays below the import directory', async () => {
    const { store, imports } = await world();
    await symlink('abc', join(imports, 'link'));
    expect(await store('file:link')).toMatchObject({ checksum: checksumOfAbc });
  });
});

describe('an image of another format', () => {
  test('is kept as it is', async () => {
    const { store, imports, stored } = await world();
    execFileSync('qemu-img', ['create', '-q', '-f', 'vmdk', '--', join(imports, 'disk.vmdk'), '7M']);
    const { checksum, virtualSizeBytes } = await store('file:disk.vmdk', 'vmdk');
    expect(virtualSizeBytes).toBe(7_340_032);
    expect(checksum).toBe(`sha256:${execFileSync('sha256sum', [stored], { encoding: 'utf8' }).slice(0, 64)}`);
  });

  test.for(['qcow2', 'vmdk'] as const)('is refused though its header is good, when its tables are not: %s', async (format) => {
    const { store, imports, files } = await world();
    await writeFile(join(imports, 'raw'), Buffer.alloc(2 ** 20, 'content'));
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, join(imports, 'raw'), join(imports, 'disk')]);
    await truncate(join(imports, 'disk'), 600_000);
    await expect(store('file:disk', format)).rejects.toMatchObject({
      type: 'ImageUnacceptable',
      message: expect.stringContaining('qemu-img cannot read the image'),
    });
    expect(await files()).not.toContain('image-1');
  });

  test('leaves its holes out', async () => {
    const { store, imports, stored } = await world();
    await writeFile(join(imports, 'sparse'), 'abc');
    await truncate(join(imports, 'sparse'), 64 * 2 ** 20);
    expect(await store('file:sparse')).toMatchObject({ sizeBytes: 64 * 2 ** 20 });
    const { size, blocks } = await stat(stored);
    expect({ size, isSparse: blocks * 512 < 3 * 2 ** 20 }).toStrictEqual({ size: 64 * 2 ** 20, isSparse: true });
  });
});

describe('an image that is not what it was declared to be', () => {
  test('is refused before it is copied', async () => {
    const { store, files, imports } = await world();
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '--', join(imports, 'disk'), '7M']);
    await expect(store('file:disk')).rejects.toMatchObject({ type: 'ImageUnacceptable', message: 'the file is a qcow2 image, not raw' });
    await expect(store('file:abc', 'qcow2')).rejects.toMatchObject({ type: 'ImageUnacceptable', message: 'the file is not qcow2' });
    expect(await files()).toStrictEqual([]);
  });

  test('by its checksum is refused and not stored', async () => {
    const { store, files } = await world();
    const wanted = `sha256:${'0'.repeat(64)}`;
    const refused = { type: 'ImageUnacceptable', message: `the file has ${checksumOfAbc}, ${wanted} was asked for` };
    await expect(store('file:abc', 'raw', wanted)).rejects.toMatchObject(refused);
    expect(await files()).not.toContain('image-1');
    await store('file:abc');
    await expect(store('file:abc', 'raw', wanted)).rejects.toMatchObject(refused);
  });
});

test('a removed image leaves nothing in the store, whatever was there', async () => {
  const { activities, store, stored } = await world();
  const remove = () => inActivity(() => activities.removeStoredImage({ token, imageId: 'image-1' }));
  await remove();
  await store('file:abc');
  await writeFile(`${stored}.part`, 'half');
  await remove();
  await writeFile(`${stored}.part.json`, '{}');
  await remove();
  expect((await readdir(join(stored, '..'))).sort()).toStrictEqual(['image-1.generation', 'image-1.lock']);
});

test('a late attempt of an import that a delete has followed stores nothing', async () => {
  const { activities, store, files, stored } = await world();
  const attempt = { imageId: 'image-1', source: 'file:abc', diskFormat: 'raw', checksum: null } as const;
  await store('file:abc');
  await inActivity(() => activities.removeStoredImage({ token: { run: 'delete', generation: 2 }, imageId: 'image-1' }));
  await expect(store('file:abc')).rejects.toMatchObject({ type: 'StaleToken' });
  await expect(inActivity(() => activities.removeStoredImage({ token, imageId: 'image-1' }))).rejects.toMatchObject({ type: 'StaleToken' });
  await expect(inActivity(() => activities.storeImage({ token: { run: 'other', generation: 2 }, ...attempt }))).rejects.toMatchObject({
    type: 'StaleToken',
  });
  expect(await files()).toStrictEqual([]);
  expect(await readFile(`${stored}.generation`, 'utf8')).toBe('{"run":"delete","generation":2}\n');
});

test('who acted on a removed image is forgotten after a week, and on no other', async () => {
  const { activities, store, stored } = await world();
  await store('file:abc');
  const others = ['gone', 'recent', 'half'] as const;
  const week = new Date(Date.now() - 8 * 86_400_000);
  for (const id of others) {
    for (const suffix of ['generation', 'lock']) await writeFile(join(stored, '..', `${id}.${suffix}`), '{"run":"r","generation":1}');
    if (id !== 'recent') await utimes(join(stored, '..', `${id}.generation`), week, week);
  }
  await writeFile(join(stored, '..', 'half.part'), 'half');
  await utimes(`${stored}.generation`, week, week);
  await inActivity(() => activities.removeStoredImage({ token: { run: 'other', generation: 1 }, imageId: 'other' }));
  expect((await readdir(join(stored, '..'))).filter((name) => name.endsWith('.generation')).sort()).toStrictEqual([
    'half.generation',
    'image-1.generation',
    'other.generation',
    'recent.generation',
  ]);
  expect(await readdir(join(stored, '..'))).not.toContain('gone.lock');
});
