import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { judgement, readGeneration, writeGeneration } from '../../src/activities/generation.ts';
import type { Token } from '../../src/model/tenure.ts';
import { ownDirectory } from './surroundings.ts';

const second: Token = { run: 'second', generation: 2 };

test.for<[string, Token | null, Token, string]>([
  ['is newer where nobody was', null, second, 'newer'],
  ['is current where it was before', second, { run: 'second', generation: 2 }, 'current'],
  ['is newer than an earlier generation', { run: 'first', generation: 1 }, second, 'newer'],
  ['is newer as the same run under a later generation', { run: 'second', generation: 1 }, second, 'newer'],
  ['is stale after a later generation', { run: 'third', generation: 3 }, second, 'stale'],
  ['is stale as the same run of an earlier generation', { run: 'second', generation: 3 }, second, 'stale'],
  ['is of a later step of its operation', { ...second, step: 3 }, { ...second, step: 4 }, 'later step'],
  ['is current at the step where it was before', { ...second, step: 3 }, { ...second, step: 3 }, 'current'],
  ['is stale as an earlier step of its own operation', { ...second, step: 4 }, { ...second, step: 3 }, 'stale'],
  ['is newer at its first step after the last of another', { run: 'first', generation: 1, step: 9 }, { ...second, step: 1 }, 'newer'],
  ['is of a later step after one that a release without steps wrote', second, { ...second, step: 1 }, 'later step'],
  ['is stale as another run of the same generation', { run: 'other', generation: 2 }, second, 'stale'],
])('a token %s', ([, known, token, expected]) => {
  expect(judgement(known, token)).toBe(expected);
});

describe('the generation on a host', () => {
  test('is none where nobody was', async () => {
    const directory = await ownDirectory();
    expect(await readGeneration(directory)).toBeNull();
  });

  test('is read as it was written, and the token alone', async () => {
    const directory = await ownDirectory();
    const token = { ...second, secret: 'not of a token' };
    await writeGeneration(directory, token);
    expect(await readGeneration(directory)).toStrictEqual(second);
    expect(await readFile(join(directory, 'generation'), 'utf8')).toBe('{"run":"second","generation":2}\n');
  });

  test('takes the place of the old one by a rename', async () => {
    const directory = await ownDirectory();
    await writeGeneration(directory, { run: 'first', generation: 1 });
    const before = await stat(join(directory, 'generation'));
    await writeGeneration(directory, second);
    expect((await stat(join(directory, 'generation'))).ino).not.toBe(before.ino);
    expect(await readdir(directory)).toStrictEqual(['generation']);
  });

  test('that was written half-way when the host died is not read, and written over', async () => {
    const directory = await ownDirectory();
    await writeFile(join(directory, 'generation.partial'), '{"run":"sec');
    expect(await readGeneration(directory)).toBeNull();
    await writeGeneration(directory, second);
    expect(await readGeneration(directory)).toStrictEqual(second);
  });

  test('that is no token is told, never taken for none', async () => {
    const directory = await ownDirectory();
    await writeFile(join(directory, 'generation'), '');
    await expect(readGeneration(directory)).rejects.toThrow(SyntaxError);
  });
});
