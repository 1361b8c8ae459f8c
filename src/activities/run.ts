import { AsyncLocalStorage } from 'node:async_hooks';
import type { Readable, Writable } from 'node:stream';
import { asyncLocalStorage as activityContext } from '@temporalio/activity';
import { ExecaError, execa } from 'execa';
import { CommandFailed } from './failures.ts';

/** Descriptors that every command started meanwhile inherits: a lock on one of them outlives a worker that is killed. */
export const inheritedDescriptors = new AsyncLocalStorage<readonly number[]>();

/** Does what goes on when the activity is over that began it: its cancel and its locks are not for that. */
export function outlivingActivity<T>(work: () => T): T {
  return activityContext.exit(() => inheritedDescriptors.run([], work));
}

/** What ends the activity that runs; null outside of one, as while a worker starts. */
export function currentSignal(): AbortSignal | null {
  return activityContext.getStore()?.cancellationSignal ?? null;
}

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command may take; it is ended when it takes more, whatever became of its worker. */
export interface Limits {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly addressSpaceBytes: number;
}

export interface RunOptions {
  readonly limits?: Limits;
  /** Where the command finds files without a directory. */
  readonly cwd?: string;
  /** Ends it as a cancel does, and what it was aborted with is raised. */
  readonly until?: AbortSignal;
  /** Is given what the command prints, while it does. */
  readonly onOutput?: (text: string) => void;
  /** What the command reads; nothing by default. */
  readonly input?: Readable;
  /** Where what it prints goes, and nowhere else; it is ended with the command. */
  readonly output?: Writable;
}

/**
 * Runs a command to its end. Arguments are an array, nothing reaches a shell. A cancel of the activity ends the command and
 * arrives as the cancel it is. Raises `CommandFailed` with what the command said.
 */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { limits, onOutput, input, output } = options;
  // execa passes descriptors above 2 on, though its types know no number here.
  const others = (inheritedDescriptors.getStore() ?? []) as unknown as 'inherit'[];
  const [command = file, ...rest] = limits === undefined ? [file, ...args] : limited(limits, file, args);
  try {
    const running = execa(command, rest, {
      ...settingsOf(options),
      stdio: [input === undefined ? 'ignore' : [input, 'pipe'], output === undefined ? 'pipe' : [output, 'pipe'], 'pipe', ...others],
      buffer: { stdout: output === undefined },
    });
    if (onOutput !== undefined) running.stdout?.on('data', (chunk: Buffer) => onOutput(chunk.toString('latin1')));
    const { stdout, stderr } = await running;
    return { stdout: stdout ?? '', stderr: stderr ?? '' };
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (error.isCanceled) throw error.cause;
    throw new CommandFailed(error, limits === undefined ? null : limitReached(error));
  }
}

function settingsOf({ limits, cwd, until }: RunOptions) {
  const signals = [currentSignal(), until].filter((signal) => signal instanceof AbortSignal);
  return {
    ...(cwd === undefined ? {} : { cwd }),
    ...(signals.length === 0 ? {} : { cancelSignal: AbortSignal.any(signals) }),
    ...(limits === undefined ? {} : { maxBuffer: maxOutputBytes }),
    // Of each thread's own arena of glibc, 64 MiB count as address space.
    env: { LC_ALL: 'C.UTF-8', ...(limits === undefined ? {} : { MALLOC_ARENA_MAX: '2' }) },
  };
}

/** By commands in front of it, since they bound a command that outlives its worker, too. */
function limited({ cpuSeconds, wallSeconds, addressSpaceBytes }: Limits, file: string, args: readonly string[]): readonly string[] {
  const wall = ['timeout', `--kill-after=${graceSeconds}`, `${wallSeconds}`];
  // At the hard limit the kernel kills without a reason that could be told.
  const cpu = ['prlimit', `--cpu=${cpuSeconds}:${cpuSeconds + graceSeconds}`, `--as=${addressSpaceBytes}`, '--core=0', '--'];
  return [...wall, ...cpu, file, ...args];
}

const graceSeconds = 2;
/** A damaged image has a line of complaint for each of its clusters. */
const maxOutputBytes = 1024 ** 2;
const timedOutCodes: ReadonlySet<number | undefined> = new Set([124, 137]);

function limitReached({ exitCode, signal, isMaxBuffer }: ExecaError): CommandFailed['reached'] {
  if (isMaxBuffer) return 'outputBytes';
  if (signal === 'SIGXCPU') return 'cpuSeconds';
  return timedOutCodes.has(exitCode) ? 'wallSeconds' : null;
}
