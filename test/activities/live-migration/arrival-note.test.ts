import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { arrivesFor, forgetArrival, forgetHalfNoted, noteArrival } from '../../../src/activities/live-migration/arrival-note.ts';
import { ownDirectory } from '../surroundings.ts';

test('a directory is made for the migration that its note names, until that is forgotten', async () => {
  const directory = await ownDirectory();
  expect(await arrivesFor(directory, 'first')).toBe(false);
  await noteArrival(directory, 'first');
  expect([await arrivesFor(directory, 'first'), await arrivesFor(directory, 'second')]).toEqual([true, false]);
  await forgetArrival(directory);
  expect(await readdir(directory)).toEqual([]);
});

test('a note that a killed worker had not finished is removed, and that of another migration stays', async () => {
  const directory = await ownDirectory();
  await noteArrival(directory, 'another');
  await writeFile(join(directory, 'arrival.partial'), 'fir');
  await forgetHalfNoted(directory);
  expect(await readdir(directory)).toEqual(['arrival']);
});
