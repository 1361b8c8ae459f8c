import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as workflows from '../../src/workflows/index.ts';

const linkTarget = /\]\(([^)#:]+)\)/g;
const typeInTable = /^\| (.*?) \|/gm;

test.for(['README.md', 'ARCHITECTURE.md'])('every file that %s links to is there', (page) => {
  const targets = [...readFileSync(page, 'utf8').matchAll(linkTarget)].map(([, target]) => target ?? '');

  expect(targets.length).toBeGreaterThan(0);
  expect(targets.filter((target) => !existsSync(target))).toEqual([]);
});

test('every file that ARCHITECTURE.md names in its code column is there', () => {
  const build = readFileSync('ARCHITECTURE.md', 'utf8').split('## What happens in a build')[1] ?? '';
  const named = [...build.matchAll(/`((?:activities|workflows|model|scheduler)\/[\w./-]*)`/g)].map(([, path]) => `src/${path}`);

  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((path) => !existsSync(path))).toEqual([]);
});

test('the table of operations in README.md has exactly those that exist', () => {
  const table = readFileSync('README.md', 'utf8').split('## Operations')[1]?.split('\n\n')[1] ?? '';
  const named = [...table.matchAll(typeInTable)].flatMap(([, cell]) => [...(cell ?? '').matchAll(/`(\w+)`/g)].map(([, type]) => type));
  const records = ['instance', 'host', 'image', 'network'];

  expect(named.sort()).toEqual(
    Object.keys(workflows)
      .filter((name) => !records.includes(name))
      .sort(),
  );
});
