import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const wanted = {
  '': { name: 'novaflow' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/b-arm64': { version: '1.0.0', integrity: 'sha512-b', optional: true },
};
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'novaflow-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test.for([
  ['are right when a package of another processor is left out', { 'node_modules/a': wanted['node_modules/a'] }, 0],
  [
    'are right when everything is there',
    { 'node_modules/a': wanted['node_modules/a'], 'node_modules/b-arm64': wanted['node_modules/b-arm64'] },
    0,
  ],
  ['are wrong when a package lacks', {}, 1],
  ['are wrong when a package has another version', { 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } }, 1],
  ['are wrong when a package has other contents', { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' } }, 1],
  ['are wrong when one is there that the lock does not name', { 'node_modules/a': wanted['node_modules/a'], 'node_modules/c': {} }, 1],
  ['are wrong when their installation was interrupted', null, 1],
] as const)('the modules %s', ([, present, status]) => {
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages: wanted }));
  mkdirSync(join(directory, 'node_modules'));
  if (present !== null) writeFileSync(join(directory, 'node_modules/.package-lock.json'), JSON.stringify({ packages: present }));
  const outcome = spawnSync(process.execPath, [resolve('scripts/setup/modules-match.js')], { cwd: directory });
  expect(outcome.status).toBe(status);
});
