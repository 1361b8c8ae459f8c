import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { countLine, type Outcome } from '../test/reporter.ts';

const root = join(import.meta.dirname, '..');
const PATH = [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter);

/**
 * Projects that run side by side, one group after another: workflow tests mostly wait and labs keep a core busy, so that
 * together they take little longer than the labs alone. Fault matrices have the machine to themselves.
 */
const groups = [['unit'], ['workflow', 'lab'], ['faults']] as const;

/**
 * Runs lint, type check and all tests, whatever fails on the way; `--all` adds the long matrices, further arguments are
 * vitest's, for one run of what they choose. The last line printed is the count, in which lint and type check are one test each.
 */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const chosen = args.filter((arg) => arg !== '--all');
  const env = args.includes('--all') ? { NOVAFLOW_TEST_ALL: '1' } : {};
  const lint = await succeeds('biome', ['ci', '--error-on-warnings', '.']);
  const types = await succeeds('tsc', ['--noEmit']);
  const counts = chosen.length > 0 ? [await runTests(chosen, env)] : await runGroups(env);
  const checks = [lint, types].filter(Boolean).length;
  const total = (of: 'passed' | 'failed' | 'skipped') => counts.reduce((sum, count) => sum + count[of], 0);
  const count = { passed: total('passed') + checks, failed: total('failed') + 2 - checks, skipped: total('skipped') };
  if (count.failed > 0) process.exitCode = 1;
  for (const failure of counts.flatMap(({ failures }) => failures)) console.log(`FAILED ${failure}`);
  console.log(countLine(count));
}

async function runGroups(env: NodeJS.ProcessEnv): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const group of groups) {
    const output = group.length === 1 ? 'inherit' : 'pipe';
    outcomes.push(...(await Promise.all(group.map((project) => runTests(['--project', project], env, output)))));
  }
  return outcomes;
}

async function runTests(args: readonly string[], env: NodeJS.ProcessEnv, output: Output = 'inherit'): Promise<Outcome> {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-test-'));
  const file = join(directory, 'count.json');
  try {
    const good = await succeeds('vitest', ['run', ...args], { ...env, NOVAFLOW_TEST_COUNT: file }, output);
    const count = parseCount(await readFile(file, 'utf8').catch(() => '{}'));
    // A set-up that failed or a process that died says so by its exit code alone.
    return good || count.failed > 0 ? count : { ...count, failed: 1 };
  } finally {
    await rm(directory, { recursive: true });
  }
}

function parseCount(text: string): Outcome {
  const { passed = 0, failed = 0, skipped = 0, failures = [] } = JSON.parse(text) as Partial<Outcome>;
  return { passed, failed, skipped, failures };
}

/** Where a command writes: to the terminal itself, or line after line beside another, neither of them drawing on it. */
type Output = 'inherit' | 'pipe';

function succeeds(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, output: Output = 'inherit'): Promise<boolean> {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', output, output], env: { ...process.env, PATH, ...env } });
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
  const handOn = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGTERM', handOn);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('SIGTERM', handOn);
      resolve(code === 0);
    });
  });
}

await main();
