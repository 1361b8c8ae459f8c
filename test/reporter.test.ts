import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { mayBeSkipped } from './reporter.ts';

// Each test starts a vitest of its own.
vi.setConfig({ testTimeout: 30_000 });

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'novaflow-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Runs vitest over one file of tests and answers its exit code, output and last line. */
function run(tests: string, { env = {}, args = [] }: { env?: NodeJS.ProcessEnv; args?: string[] } = {}) {
  writeFileSync(join(directory, 'one.test.js'), tests);
  writeFileSync(
    join(directory, 'vitest.config.js'),
    `import { countReporter } from ${JSON.stringify(resolve('test/reporter.ts'))};
     export default { test: { globals: true, reporters: [countReporter()] } };`,
  );
  const { status, stdout, stderr } = spawnSync('node_modules/.bin/vitest', ['run', '--root', directory, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });
  return { status, stderr, lastLine: stdout.trimEnd().split('\n').at(-1) };
}

test('a run ends with the count alone on its last line', () => {
  const outcome = run(`test('a', () => {}); test('b', () => {}); test('c', (t) => t.skip('later'));`);
  expect(outcome).toMatchObject({ status: 0, lastLine: '2 passed, 0 failed, 1 skipped' });
});

test.for([
  ['test', `test('a', () => { throw new Error('no'); });`, '0 passed, 1 failed, 0 skipped'],
  ['hook', `describe('x', () => { beforeAll(() => { throw new Error('no'); }); test('a', () => {}); });`, '0 passed, 1 failed, 1 skipped'],
  ['file', `throw new Error('no');`, '0 passed, 1 failed, 0 skipped'],
] as const)('a %s that throws counts as failed', ([, tests, lastLine]) => {
  expect(run(tests)).toMatchObject({ status: 1, lastLine });
});

test('what failed is told by its name and how its errors begin', () => {
  const file = join(directory, 'count.json');
  const tests = `test('a', () => { throw new Error('no\\nmore of it'); }); describe('x', () => { afterAll(() => { throw new Error('left'); }); test('b', () => {}); });
    test('c', () => { throw { code: 1 }; });`;
  run(tests, { env: { NOVAFLOW_TEST_COUNT: file } });
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    ...{ passed: 1, failed: 3, skipped: 0 },
    failures: ['one.test.js > a: no', 'one.test.js > c: no message', 'one.test.js > x: left'],
  });
});

test('under CI a test may be skipped for want of lvm, KVM or NFS only', () => {
  const outcome = run(`test('a', (t) => t.skip('KVM: no /dev/kvm')); test('b', (t) => t.skip('later')); test.skip('c', () => {});`, {
    env: { CI: '1' },
  });
  expect(outcome).toMatchObject({ status: 1, lastLine: '0 passed, 2 failed, 1 skipped' });
  expect(outcome.stderr).toContain('skipped without a reason that counts: b\n');
});

test('tests left out by name are not held against a run under CI', () => {
  const outcome = run(`test('a', () => {}); test('b', () => {});`, { env: { CI: '1' }, args: ['-t', 'a'] });
  expect(outcome).toMatchObject({ status: 0, lastLine: '1 passed, 0 failed, 1 skipped' });
});

test.for([
  ['lvm: no device mapper', true],
  ['KVM: /dev/kvm does not open', true],
  ['NFS: no server', true],
  ['flaky', false],
  ['needs KVM:', false],
  [undefined, false],
] as const)('the reason %s allows a skip: %s', ([note, allowed]) => {
  expect(mayBeSkipped(note)).toBe(allowed);
});
