import { execa } from 'execa';

/** What a command may be given besides its arguments. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Runs a command to its end and returns its standard output; raises execa's error, which holds the command and its messages, when it fails. */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { signal, env, ...rest } = options;
  const cancel = signal === undefined ? {} : { cancelSignal: signal };
  // Messages are compared and shown, so they are asked for in one language.
  return (await execa(file, args, { ...rest, ...cancel, env: { LC_ALL: 'C', ...env } })).stdout;
}

/** Runs a command that may well fail and tells whether it succeeded. */
export async function succeeds(file: string, args: readonly string[]): Promise<boolean> {
  return (await execa(file, args, { reject: false, stdio: 'ignore' })).exitCode === 0;
}

/** How a program that outlives its caller is started. */
export interface LaunchOptions {
  /** A command that the launcher itself runs under, such as `nsenter …`. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Where standard output and errors are appended; they are discarded without it. */
  readonly logFile?: string;
}

// The log is opened before `under` can enter a place where its path leads elsewhere.
const outer = 'exec >>"$0" 2>&1 && exec "$@"';

// A shell makes background jobs ignore SIGINT and SIGQUIT, and so would all that they start: both are set back.
const inner = 'cd "$0" && { setsid env --default-signal=INT,QUIT "$@" 3>&- & echo $! >&3; }';

/** Starts a program in a session of its own, child of nobody here, and returns its pid as the pid namespace of `under` sees it. */
export async function launch(argv: readonly string[], options: LaunchOptions = {}): Promise<number> {
  const { under = [], env = {}, cwd = '/', logFile = '/dev/null' } = options;
  const args = ['-c', outer, logFile, ...under, 'sh', '-c', inner, cwd, ...argv];
  const { stdio } = await execa('sh', args, { env, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  return Number(stdio[3]);
}
