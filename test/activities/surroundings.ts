import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Info } from '@temporalio/activity';
import { defaultActivityInfo, MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { onTestFinished, vi } from 'vitest';
import { processesWithOpen } from '../../src/activities/processes.ts';

/** A directory that goes with the test. */
export async function ownDirectory(): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'novaflow-test-')));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

/** A process that holds the lock at `path` for good; it ends with the test. */
export async function lockHolder(path: string): Promise<ChildProcess> {
  const command = 'exec 9>>"$0"; flock -x 9; echo held; exec sleep 1000';
  const holder = spawn('sh', ['-c', command, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  return holder;
}

/** The context of an activity, which a test can cancel. */
export function activityContext(info: Partial<Info> = {}): MockActivityEnvironment {
  return new MockActivityEnvironment({ ...defaultActivityInfo, ...info }, { logger: new DefaultLogger('ERROR') });
}

/** Runs `work` as an activity would. */
export async function inActivity<Result>(work: () => Promise<Result>, activity = activityContext()): Promise<Result> {
  return activity.run(work);
}

/** Resolves when somebody else's wait for the lock was over once and began again: its holders have been looked at. */
export async function untilWaitedTwice(path: string, holder: number): Promise<void> {
  const waiters = new Set<number>();
  await vi.waitFor(
    async () => {
      for (const { pid } of await processesWithOpen(path)) if (pid !== holder) waiters.add(pid);
      if (waiters.size < 2) throw new Error(`${waiters.size} waits for ${path} were seen, not 2`);
    },
    { timeout: 20_000, interval: 10 },
  );
}

/** Resolves when this many processes have the file open, this one not counted. */
export async function untilOpenBy(count: number, path: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const processes = await processesWithOpen(path);
      if (processes.length !== count) throw new Error(`${processes.length} processes have ${path} open, not ${count}`);
    },
    { timeout: 10_000, interval: 10 },
  );
}

/** The signal that ended the process, once it has ended. */
export async function endedBy(child: ChildProcess): Promise<NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.signalCode;
}
