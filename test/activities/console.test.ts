import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { consoleActivities } from '../../src/activities/console.ts';
import { ownDirectory } from './surroundings.ts';

test.for<[string, number, { output: string; truncated: boolean }]>([
  ['', 100, { output: '', truncated: false }],
  ['GUEST UP\n', 9, { output: 'GUEST UP\n', truncated: false }],
  ['GUEST UP\n', 3, { output: 'UP\n', truncated: true }],
])('of %j the last %i bytes are read', async ([written, maxBytes, expected]) => {
  const directory = await ownDirectory();
  await mkdir(join(directory, 'web1'));
  await writeFile(join(directory, 'web1', 'console.log'), written);
  expect(await consoleActivities({ instancesDir: directory }).readConsole({ instanceId: 'web1', maxBytes })).toStrictEqual(expected);
});

test('a guest that never ran wrote nothing', async () => {
  const directory = await ownDirectory();
  const { readConsole } = consoleActivities({ instancesDir: directory });
  expect(await readConsole({ instanceId: 'web1', maxBytes: 100 })).toStrictEqual({ output: '', truncated: false });
});
