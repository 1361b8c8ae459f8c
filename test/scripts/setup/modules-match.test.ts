import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const wanted = {
  '': { name: 'novaflow' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/b-other': { version: '1.0.0', integrity: 'sha512-b', optional: true, os: ['plan9'], cpu: ['any'] },
  'node_modules/b-here': { version: '1.0.0', integrity: 'sha512-h', optional: true, os: process.platform, cpu: [process.arch] },
};
const here = { 'node_modules/a': wanted['node_modules/a'], 'node_modules/b-here': wanted['node_modules/b-here'] };
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'novaflow-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test.for([
  ['are right when the part for another system is left out', here, 0],
  ['are right when everything is there', { ...here, 'node_modules/b-other': wanted['node_modules/b-other'] }, 0],
  ['are wrong when the part for this system is left out', { 'node_modules/a': here['node_modules/a'] }, 1],
  ['are wrong when a package lacks', { 'node_modules/b-here': here['node_modules/b-here'] }, 1],
  ['are wrong when a package has another version', { ...here, 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } }, 1],
  ['are wrong when a package has other contents', { ...here, 'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' } }, 1],
  ['are wrong when one is there that the lock does not name', { ...here, 'node_modules/c': {} }, 1],
  ['are wrong when their installation was interrupted', null, 1],
] as const)('the modules %s', ([, present, status]) => {
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages: wanted }));
  mkdirSync(join(directory, 'node_modules'));
  if (present !== null) writeFileSync(join(directory, 'node_modules/.package-lock.json'), JSON.stringify({ packages: present }));
  const outcome = spawnSync(process.execPath, [resolve('scripts/setup/modules-match.js')], { cwd: directory });
  expect(outcome.status).toBe(status);
});
