import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { down } from '../../lab/lab.ts';
import { soleCleaner } from './sole-demo.ts';

/**
 * Starts a process that takes a demo's lab down when this one dies without having done so, by `kill -9` above all.
 * Disposed of, it ends without touching anything.
 */
export function startCleaner(lab: string): AsyncDisposable {
  // In a session of its own, which Ctrl-C does not reach; the pipe to it closes with this process.
  const cleaner = spawn(process.execPath, [fileURLToPath(import.meta.url), lab], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
  return { [Symbol.asyncDispose]: () => dismiss(cleaner) };
}

async function dismiss(cleaner: ChildProcess): Promise<void> {
  if (cleaner.exitCode !== null || cleaner.signalCode !== null) return;
  const gone = once(cleaner, 'exit');
  cleaner.kill('SIGKILL');
  await gone;
}

async function main(lab: string): Promise<void> {
  process.stdin.resume();
  await once(process.stdin, 'end');
  await using held = await soleCleaner(lab);
  if (held !== null) await down(lab);
}

if (import.meta.main) await main(process.argv[2] ?? '');
