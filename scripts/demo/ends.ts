import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import { logOf } from '../../lab/cloud.ts';
import { type HostProcess, isRunning, type Lab } from '../../lab/lab.ts';

/** What `work` gives; raises an error with the end of its log when the worker that does the work ends first: nobody else would. */
export async function unlessEnded<T>(lab: Lab, name: string, worker: HostProcess, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  try {
    return await Promise.race([work, endOf(lab, name, worker, done.signal)]);
  } finally {
    done.abort();
  }
}

async function endOf(lab: Lab, name: string, worker: HostProcess, stop: AbortSignal): Promise<never> {
  const never = new Promise<never>(() => undefined);
  while (isRunning(worker)) {
    await pause(200);
    if (stop.aborted) return never;
  }
  throw new Error(`the ${name} worker ended by itself:\n${(await readFile(logOf(lab, name), 'utf8')).slice(-2000)}`);
}

/** Why a demo ended, in a sentence. */
export function sentenceOf(error: unknown): string {
  if (error instanceof WorkflowFailedError) return `${error.message}: ${error.cause?.message}`;
  if (error instanceof SuppressedError) return sentenceOf(error.suppressed);
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && error.code === 'ENOSPC' ? `the disk is full: make room and run this again (${error.message})` : error.message;
}
