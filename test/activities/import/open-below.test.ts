import { link, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openBelow } from '../../../src/activities/import/open-below.ts';
import { ownDirectory } from '../surroundings.ts';

test('a file is read from below the directory alone, though its name becomes a link out of it and a file again all the time', async () => {
  const directory = await ownDirectory();
  const at = (...names: string[]) => join(directory, ...names);
  await mkdir(at('imports'));
  await writeFile(at('image'), 'image');
  await writeFile(at('secret'), 'secret');
  const named = at('imports', 'disk');
  const becomes = [() => link(at('image'), `${named}.new`), () => symlink(at('secret'), `${named}.new`)];
  const becomesEach = async () => {
    for (const make of becomes) {
      await make();
      await rename(`${named}.new`, named);
    }
  };
  await becomesEach(); // it is there from here on
  let isOver = false;
  const becoming = (async () => {
    while (!isOver) await becomesEach();
  })();
  const seen = new Set<string>();
  const reading = async () => {
    const file = await openBelow(at('imports'), 'disk').catch((error: Error) => error.message);
    if (typeof file === 'string') return file;
    await using opened = file;
    return opened.readFile('utf8');
  };
  for (let turn = 0; turn < 2000; turn += 1) seen.add(await reading());
  isOver = true;
  await becoming;
  expect([...seen].sort()).toEqual(['image', `source leads out of ${at('imports')}`]);
});
