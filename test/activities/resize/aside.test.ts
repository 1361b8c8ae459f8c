import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asideOf, putAside, putBack, removeAside, requireAside } from '../../../src/activities/resize/aside.ts';
import { ownDirectory } from '../surroundings.ts';

const leaver = { migration: 'first', generation: 3, disks: ['disk', 'disk.local'] };
const files = ['console.log', 'disk', 'disk.local', 'kernel'];

/** An instance's directory with the files that say who acts on it, and these. */
async function home(names: readonly string[] = files): Promise<string> {
  const directory = join(await ownDirectory(), 'instance');
  await mkdir(directory);
  for (const name of ['lock', 'generation', ...names]) await writeFile(join(directory, name), `old ${name}`);
  return directory;
}

const listed = async (directory: string) => (await readdir(directory)).sort();
const note = { migration: 'first', generation: 3, files, isComplete: false };
const noted = (directory: string, changes: object) =>
  writeFile(join(asideOf(directory), 'migration.json'), JSON.stringify({ ...note, ...changes }));

describe('files that are put aside', () => {
  test('are all but those that say who acts on the instance, and come back as they were', async () => {
    const directory = await home();
    expect(await putAside(directory, leaver)).toEqual(files);
    expect(await listed(directory)).toEqual(['generation', 'lock']);
    expect(await listed(asideOf(directory))).toEqual([...files, 'migration.json'].sort());
    await requireAside(directory, 'first');

    await writeFile(join(directory, 'disk'), 'new disk');
    await writeFile(join(directory, 'disk.swap'), 'made at the destination');
    await putBack(directory, 'first');
    expect(await listed(directory)).toEqual([...files, 'generation', 'lock'].sort());
    expect(await readFile(join(directory, 'disk'), 'utf8')).toBe('old disk');
    await expect(readdir(asideOf(directory))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('are put aside by an attempt that goes on where a killed one was', async () => {
    const directory = await home();
    await mkdir(asideOf(directory));
    await noted(directory, {});
    await rename(join(directory, 'disk'), join(asideOf(directory), 'disk'));
    await expect(requireAside(directory, 'first')).rejects.toMatchObject({ type: 'DestinationDiskExists' });
    expect(await putAside(directory, leaver)).toEqual(files);
    await requireAside(directory, 'first');
    expect(await listed(directory)).toEqual(['generation', 'lock']);
  });

  test('come back from wherever a killed attempt left them', async () => {
    const directory = await home();
    await putAside(directory, leaver);
    await rename(join(asideOf(directory), 'disk'), join(directory, 'disk'));
    await putBack(directory, 'first');
    await putBack(directory, 'first');
    expect(await listed(directory)).toEqual([...files, 'generation', 'lock'].sort());
  });

  test('are never taken for what has arrived in their place: once all are aside, a repetition moves nothing', async () => {
    const directory = await home();
    await putAside(directory, leaver);
    await writeFile(join(directory, 'disk'), 'a copy');
    await putAside(directory, leaver);
    expect(await readFile(join(asideOf(directory), 'disk'), 'utf8')).toBe('old disk');
    expect(await readFile(join(directory, 'disk'), 'utf8')).toBe('a copy');
  });

  test.for<[string, (aside: string) => Promise<unknown>]>([
    ['before its note', async () => {}],
    ['in the middle of its note', (aside) => writeFile(join(aside, 'migration.json.partial'), '{"migr')],
  ])('are put aside though an attempt was killed %s', async ([, left]) => {
    const directory = await home();
    await mkdir(asideOf(directory));
    await left(asideOf(directory));
    expect(await putAside(directory, leaver)).toEqual(files);
    await requireAside(directory, 'first');
  });

  test.for([
    ['come back', putBack],
    ['are gone', removeAside],
  ] as const)('%s though an attempt was killed when only the empty directory was left', async ([, end]) => {
    const directory = await home();
    await mkdir(asideOf(directory));
    await end(directory, 'first');
    expect(await listed(directory)).toEqual([...files, 'generation', 'lock'].sort());
    await expect(readdir(asideOf(directory))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('go when the migration is confirmed, and those of another stay', async () => {
    const directory = await home();
    await putAside(directory, leaver);
    await removeAside(directory, 'second');
    await requireAside(directory, 'first');
    await removeAside(directory, 'first');
    await removeAside(directory, 'first');
    await expect(readdir(asideOf(directory))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('what lies aside of an earlier migration', () => {
  const second = { ...leaver, migration: 'second', generation: 7 };

  test('goes when it is older and the disks are in their place', async () => {
    const directory = await home();
    await mkdir(asideOf(directory));
    await noted(directory, { isComplete: true });
    await writeFile(join(asideOf(directory), 'disk'), 'left');
    await putAside(directory, second);
    expect(await readFile(join(asideOf(directory), 'disk'), 'utf8')).toBe('old disk');
  });

  test.for<[what: string, change: (directory: string) => Promise<void>, says: string]>([
    ['nobody noted whose it is', (directory) => rm(join(asideOf(directory), 'migration.json')), 'nothing says whose it is'],
    ['it is newer', (directory) => noted(directory, { generation: 8 }), 'it is of migration first, generation 8'],
    ['it may be the only copy', (directory) => rm(join(directory, 'disk.local')), 'it is of migration first, generation 3'],
  ])('stops the next one when %s, and is left alone', async ([, change, says]) => {
    const directory = await home();
    await mkdir(asideOf(directory));
    await noted(directory, {});
    await writeFile(join(asideOf(directory), 'disk'), 'left');
    await change(directory);
    await expect(putAside(directory, second)).rejects.toMatchObject({
      type: 'DestinationDiskExists',
      message: expect.stringContaining(says),
    });
    await expect(putBack(directory, 'second')).rejects.toMatchObject({ type: 'DestinationDiskExists' });
    expect(await readFile(join(asideOf(directory), 'disk'), 'utf8')).toBe('left');
    expect(await readFile(join(directory, 'disk'), 'utf8')).toBe('old disk');
  });
});

test('nothing aside is nothing to put back', async () => {
  const directory = await home();
  await putBack(directory, 'first');
  expect(await listed(directory)).toEqual([...files, 'generation', 'lock'].sort());
});
