import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { buildGuest } from '../lab/lab.ts';
import { countLine, type Outcome } from '../test/reporter.ts';

const root = join(import.meta.dirname, '..');
const PATH = [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter);

/**
 * Runs lint, type check and all tests, whatever fails on the way; `--all` adds the long matrices and, in a virtual machine, what needs a
 * device mapper; further arguments are vitest's, for one run of what they choose. The last line printed is the count, in which lint, type
 * check and what runs in the virtual machine are one test each.
 */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const chosen = args.filter((arg) => arg !== '--all');
  const env = args.includes('--all') ? { NOVAFLOW_TEST_ALL: '1' } : {};
  const checks = [await succeeds('biome', ['ci', '--error-on-warnings', '.']), await succeeds('tsc', ['--noEmit'])];
  const counts = chosen.length > 0 ? [await runTests(chosen, env)] : await runProjects(env);
  if (args.includes('--all') && chosen.length === 0) checks.push(await succeeds('node', ['scripts/test-lvm.ts']));
  const passed = checks.filter(Boolean).length;
  const total = (of: 'passed' | 'failed' | 'skipped') => counts.reduce((sum, count) => sum + count[of], 0);
  const count = { passed: total('passed') + passed, failed: total('failed') + checks.length - passed, skipped: total('skipped') };
  if (count.failed > 0) process.exitCode = 1;
  for (const failure of counts.flatMap(({ failures }) => failures)) console.log(`FAILED ${failure}`);
  console.log(countLine(count));
}

/**
 * All projects in two lines side by side, since workflow tests and fault matrices mostly wait and labs keep a core busy.
 * Tests that compare the whole machine come when no other lab stands on it.
 */
async function runProjects(env: NodeJS.ProcessEnv): Promise<readonly Outcome[]> {
  const unit = await runTests(['--project', 'unit'], env);
  // Both lines would make it at once. Why it cannot be made is said by the first that wants it.
  await buildGuest().catch(() => undefined);
  const beside = (project: string) => runTests(['--project', project], env, 'pipe');
  const faults = beside('faults');
  const parts = faults.then(() => beside('parts'));
  const labs = Promise.all([beside('lab'), faults, parts]).then(async (outcomes) => [...outcomes, await beside('machine')]);
  const workflow = parts.then(() => beside('workflow'));
  return [unit, ...(await labs), await workflow];
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

async function succeeds(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  output: Output = 'inherit',
): Promise<boolean> {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', output, output], env: { ...process.env, PATH, ...env } });
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
  const handOn = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGTERM', handOn);
  const closed = once(child, 'close');
  try {
    const [code] = await once(child, 'exit');
    // All that it said; but for no longer, should something that it left behind hold its output open.
    await Promise.race([closed, setTimeout(2_000, undefined, { ref: false })]);
    return code === 0;
  } finally {
    process.off('SIGTERM', handOn);
  }
}

await main();
