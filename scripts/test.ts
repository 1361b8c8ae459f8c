import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Count, countLine } from '../test/reporter.ts';

const root = join(import.meta.dirname, '..');
const PATH = [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter);

/**
 * Runs lint, type check and all tests, whatever fails on the way; `--all` adds the long matrices, further arguments are
 * vitest's. The last line printed is the count, in which lint and type check are one test each.
 */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const lint = await succeeds('biome', ['ci', '--error-on-warnings', '.']);
  const types = await succeeds('tsc', ['--noEmit']);
  const tests = await runTests(
    args.filter((arg) => arg !== '--all'),
    args.includes('--all') ? { NOVAFLOW_TEST_ALL: '1' } : {},
  );
  const checks = [lint, types].filter(Boolean).length;
  const count = { ...tests, passed: tests.passed + checks, failed: tests.failed + 2 - checks };
  if (count.failed > 0) process.exitCode = 1;
  console.log(countLine(count));
}

async function runTests(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Count> {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-test-'));
  const file = join(directory, 'count.json');
  try {
    const good = await succeeds('vitest', ['run', ...args], { ...env, NOVAFLOW_TEST_COUNT: file });
    const count = parseCount(await readFile(file, 'utf8').catch(() => '{}'));
    // A set-up that failed or a process that died says so by its exit code alone.
    return good || count.failed > 0 ? count : { ...count, failed: 1 };
  } finally {
    await rm(directory, { recursive: true });
  }
}

function parseCount(text: string): Count {
  const { passed = 0, failed = 0, skipped = 0 } = JSON.parse(text) as Partial<Count>;
  return { passed, failed, skipped };
}

function succeeds(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<boolean> {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, PATH, ...env } });
  const handOn = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGTERM', handOn);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      process.off('SIGTERM', handOn);
      resolve(code === 0);
    });
  });
}

await main();
