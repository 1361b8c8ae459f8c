import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'novaflow-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function command(name: string, script: string): void {
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, name), 0o755);
}

function asRoot(args: readonly string[], env: NodeJS.ProcessEnv = {}, path = `${directory}:/usr/bin:/bin`) {
  return spawnSync('/bin/sh', ['scripts/as-root.sh', ...args], { encoding: 'utf8', env: { PATH: path, HOME: '/home/ada', ...env } });
}

test('root runs the command itself', () => {
  command('id', 'echo 0');
  command('sudo', 'echo asked sudo');
  expect(asRoot(['echo', 'two  words'])).toMatchObject({ status: 0, stdout: 'two  words\n' });
});

test('anybody else runs it by sudo with their PATH, cache and settings, and shows no value to others', () => {
  command('id', 'echo 1000');
  command('sudo', 'echo "$@"; echo "cache $NOVAFLOW_CACHE"');
  const { stdout } = asRoot(['node', 'x.ts'], { TEMPORAL_API_KEY: 'secret', CI: '1', UNRELATED: '1' });
  const [, call, cache] = stdout.split('\n');
  expect(call).toMatch(/^--preserve-env=(?:\w+,)*\w+ -- env PATH=.* node x\.ts$/);
  const kept = call?.replace(/^--preserve-env=(\S*).*$/, '$1').split(',') ?? [];
  expect(kept.toSorted()).toEqual(['CI', 'NOVAFLOW_CACHE', 'TEMPORAL_API_KEY']);
  expect(cache).toBe('cache /home/ada/.cache/novaflow');
});

test('the exit code is the command’s', () => {
  command('id', 'echo 0');
  expect(asRoot(['sh', '-c', 'exit 7']).status).toBe(7);
});

test('without sudo a sentence says what to do', () => {
  command('id', 'echo 1000');
  for (const name of ['sh', 'env']) command(name, `exec /bin/${name} "$@"`);
  expect(asRoot(['true'], {}, directory)).toMatchObject({
    status: 1,
    stderr: 'this needs root and there is no sudo: run it as root, or install sudo\n',
  });
});

test('where sudo wants a password and there is no terminal a sentence says so', () => {
  command('id', 'echo 1000');
  command('sudo', 'exit 1');
  const { status, stderr } = asRoot(['true']);
  expect(status).toBe(1);
  expect(stderr).toContain('sudo wants a password where there is no terminal');
});
