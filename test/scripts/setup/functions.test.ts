import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Runs a piece of sh with set-up's functions in it. */
function sh(script: string, env: NodeJS.ProcessEnv = {}) {
  const functions = ['say', 'packages', 'modules', 'temporal'].map((name) => `. scripts/setup/${name}.sh`).join('\n');
  return spawnSync('sh', ['-euc', `${functions}\nwith_browser=false\n${script}`], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });
}

test.for([
  ['22.12', '22.12.0', true],
  ['22.12', '22.9.0', false],
  ['22.12', '24.1.0', true],
  ['1.25.0', '1.19.8', false],
  ['1.29', '1.29', true],
  ['1.29', '1.3', false],
] as const)('where %s is wanted, version %s will do: %s', ([wanted, found, does]) => {
  expect(sh(`at_least ${wanted} ${found}`).status).toBe(does ? 0 : 1);
});

test('a disk that is too full is said before anything is written, with what it was for', () => {
  const { status, stderr, stdout } = sh(`require_space /tmp/not/there/yet 999999999 'building Temporal'; echo went on`);
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(
    /^setup: building Temporal needs 999999999 MiB below \/tmp, which has \d+ MiB free: make room there and run this again\n$/,
  );
});

test('a long command that fails shows the end of what it said, and its exit code', () => {
  const { status, stdout, stderr } = sh(`long 'trying' sh -c 'seq 100; echo no route >&2; exit 3'`);
  expect(status).toBe(3);
  expect(stdout).toBe('setup: trying …\n');
  expect(stderr).toMatch(/^setup: trying: failed \(3\)\n87\n/);
  expect(stderr).toMatch(/100\nno route\n$/);
});

test('a package that is not installed is missing, and one that is installed is not', () => {
  expect(sh(`wanted_packages() { echo dpkg no-such-package; }; missing_packages`).stdout).toBe('no-such-package ');
});

test.for([
  ['temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)', true],
  ['temporal version 0.0.0-DEV (Server 1.31.0, UI 2.50.0)', true],
  ['temporal version 1.1.2 (Server 1.25.2, UI 2.31.2)', false],
  ['something else', false],
] as const)('a temporal on PATH that says "%s" will do: %s', ([says, does]) => {
  const directory = mkdtempSync(join(tmpdir(), 'novaflow-test-'));
  writeFileSync(join(directory, 'temporal'), `#!/bin/sh\necho '${says}'\n`);
  chmodSync(join(directory, 'temporal'), 0o755);
  const { status } = sh('has_temporal_on_path', { PATH: `${directory}:${process.env['PATH']}` });
  rmSync(directory, { recursive: true });
  expect(status).toBe(does ? 0 : 1);
});

test('a set-up that is killed takes its clock with it', () => {
  const { stdout } = sh(`(show_clock waiting 999999999; echo ended)`);
  expect(stdout).toBe('ended\n');
});
