/** How the command ends, for scripts. Public API. */
export const exitCodes = { ok: 0, failed: 1, refused: 2, notFound: 3, unreachable: 4, left: 130 } as const;
/** One of the exit codes. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The part of `--help` that documents them. */
export const exitCodesHelp = `
Exit codes:
  0    done
  1    the operation failed, was cancelled or terminated; verify has findings
  2    wrong usage, or a request that was refused (InvalidRequest, InstanceBusy, …)
  3    there is no such instance, host, image, network or operation
  4    Temporal cannot be reached
  130  left by Ctrl-C; the operation goes on`;

/** Why the command ends before it is done: a message for people, and the code for scripts. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
