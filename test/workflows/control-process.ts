import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inject } from 'vitest';

/** A control worker in a process of its own, which can be killed as machines are. */
export interface ControlProcess extends AsyncDisposable {
  /** What it has written to its log, a JSON object a line. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Ends it by SIGKILL. */
  readonly kill: () => Promise<void>;
}

/** Starts one on the run's Temporal server with these settings, by variable; it takes work once this resolves. */
export async function startControlProcess(settings: Readonly<Record<string, string>> = {}): Promise<ControlProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/worker.ts'), '--role', 'control'], {
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: inject('temporalNamespace'),
      NOVAFLOW_DRAIN_SECONDS: '0',
      ...settings,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  const ready = Promise.withResolvers<void>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('{')) return;
    const entry = JSON.parse(line) as Record<string, unknown>;
    log.push(entry);
    if (entry['msg'] === 'worker is ready') ready.resolve();
  });
  child.once('exit', () => ready.reject(new Error(`a control worker ended at its start: ${JSON.stringify(log.at(-1))}`)));
  await ready.promise;
  return { log, kill: () => killed(child), [Symbol.asyncDispose]: () => killed(child) };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
