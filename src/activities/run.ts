import { AsyncLocalStorage } from 'node:async_hooks';
import { asyncLocalStorage as activityContext } from '@temporalio/activity';
import { ExecaError, execa } from 'execa';
import { CommandFailed } from './failures.ts';

/** Descriptors that every command started meanwhile inherits: a lock on one of them outlives a worker that is killed. */
export const inheritedDescriptors = new AsyncLocalStorage<readonly number[]>();

/** What ends the activity that runs; null outside of one, as while a worker starts. */
export function currentSignal(): AbortSignal | null {
  return activityContext.getStore()?.cancellationSignal ?? null;
}

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command to its end. Arguments are an array, nothing reaches a shell. A cancel of the activity ends the command and
 * arrives as the cancel it is. Raises `CommandFailed` with what the command said.
 */
export async function run(file: string, args: readonly string[]): Promise<Ran> {
  const inherited = inheritedDescriptors.getStore() ?? [];
  const signal = currentSignal();
  try {
    const { stdout, stderr } = await execa(file, args, {
      // execa passes descriptors above 2 on, though its types know no number here.
      stdio: ['ignore', 'pipe', 'pipe', ...(inherited as unknown as 'inherit'[])],
      ...(signal === null ? {} : { cancelSignal: signal }),
      env: { LC_ALL: 'C.UTF-8' },
    });
    return { stdout, stderr };
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (error.isCanceled) throw error.cause;
    throw new CommandFailed(error);
  }
}
