import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readlink, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Info } from '@temporalio/activity';
import { defaultActivityInfo, MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, onTestFinished, vi } from 'vitest';
import { processesWithOpen } from '../../src/activities/processes.ts';

/** A directory that goes with the test. */
export async function ownDirectory(): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'novaflow-test-')));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

/** A process that holds the lock at `path` for good; it ends with the test. */
export async function lockHolder(path: string): Promise<ChildProcess> {
  const holder = spawnLocking(path, "console.log('held'); setInterval(() => {}, 1000);");
  onTestFinished(() => void holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  return holder;
}

/** Runs `then` in a Node of its own that holds the lock at `path` by its descriptor `lock`. */
export function spawnLocking(path: string, then: string) {
  const program = `
    const { spawn } = require('node:child_process');
    const lock = require('node:fs').openSync(process.argv[1], 'a+');
    if (!require('fs-native-extensions').tryLock(lock)) throw new Error('the lock is taken');
    ${then}`;
  return spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The context of an activity, which a test can cancel. */
export function activityContext(info: Partial<Info> = {}): MockActivityEnvironment {
  return new MockActivityEnvironment({ ...defaultActivityInfo, ...info }, { logger: new DefaultLogger('ERROR') });
}

/** Runs `work` as an activity would. */
export async function inActivity<Result>(work: () => Promise<Result>, activity = activityContext()): Promise<Result> {
  return activity.run(work);
}

/** Resolves when a wait for the lock was over and its holders were looked at. Where `processes.ts` is mocked with `spy`. */
export async function untilHoldersSeen(path: string): Promise<void> {
  await vi.waitFor(() => expect(vi.mocked(processesWithOpen)).toHaveBeenCalledWith(path), { timeout: 20_000, interval: 10 });
}

/** Resolves when this process has the file open so many times. */
export async function untilOpenHere(count: number, path: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const links = (await readdir('/proc/self/fd')).map((descriptor) => readlink(`/proc/self/fd/${descriptor}`).catch(() => ''));
      expect((await Promise.all(links)).filter((file) => file === path)).toHaveLength(count);
    },
    { timeout: 10_000, interval: 10 },
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
