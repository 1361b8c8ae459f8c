import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { renameDurably } from '../../src/activities/rename-durably.ts';
import { ownDirectory } from './surroundings.ts';

function mounted(disk: string, at: string): void {
  execFileSync('mount', ['-o', 'loop', disk, at]);
  onTestFinished(() => void execFileSync('umount', [at]));
}

test.runIf(process.getuid?.() === 0)('a file renamed durably is there and whole after a power loss', async () => {
  const directory = await ownDirectory();
  const at = (name: string) => join(directory, name);
  execFileSync('truncate', ['-s', '16M', at('disk')]);
  execFileSync('mkfs.ext4', ['-q', at('disk')]);
  for (const name of ['before', 'after']) await mkdir(at(name));
  mounted(at('disk'), at('before'));
  await writeFile(at('before/made'), 'all of it');
  await renameDurably(at('before/made'), at('before/named'));
  await copyFile(at('disk'), at('left')); // what the disk had in that moment
  mounted(at('left'), at('after'));
  expect(await readFile(at('after/named'), 'utf8')).toBe('all of it');
});
