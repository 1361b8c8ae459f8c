import { ApplicationFailure } from '@temporalio/activity';
import type { ExecaError } from 'execa';
import { ConnectionLost, ErrorCode, isLibvirtError, LibvirtError } from '../libvirt/index.ts';
import type { Failure } from '../model/failure.ts';

/** A command that ended with an error; the message has what it said. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly exitCode: number | null;
  readonly stdout: string;
  /** The end of what it wrote to standard error. */
  readonly said: string;
  /** The limit that ended it, or null. */
  readonly reached: 'cpuSeconds' | 'wallSeconds' | 'outputBytes' | null;
  constructor(error: ExecaError, reached: CommandFailed['reached'] = null) {
    const said = `${error.stderr ?? ''}`.trim().slice(-1000);
    super(`${error.command.slice(0, 300)}: ${said === '' ? error.shortMessage : said}`, { cause: error });
    this.said = said;
    this.exitCode = error.exitCode ?? null;
    this.reached = reached;
    this.stdout = `${error.stdout ?? ''}`;
  }
}

/** What trying again cannot mend, by libvirt's code. Everything else is worth a retry. */
const permanentLibvirtErrors: ReadonlyMap<number, Failure> = new Map<number, Failure>([
  [ErrorCode.noDomain, 'DomainNotFound'],
  [ErrorCode.operationInvalid, 'DomainStateConflict'],
  [ErrorCode.xmlError, 'DomainDefinitionRejected'],
  [ErrorCode.xmlDetail, 'DomainDefinitionRejected'],
  [ErrorCode.xmlInvalidSchema, 'DomainDefinitionRejected'],
  [ErrorCode.configUnsupported, 'DomainDefinitionRejected'],
  [ErrorCode.domExist, 'DomainExists'],
]);

/** What trying again cannot mend, by errno of a system call. */
const permanentSystemErrors: ReadonlyMap<string, Failure> = new Map<string, Failure>([
  ['ENOSPC', 'DiskSpaceLow'],
  ['EDQUOT', 'DiskSpaceLow'],
]);

/** An error of the code below as the failure of an activity: the only place where errors are sorted, by code and never by text. */
export function failureOf(error: unknown): unknown {
  if (error instanceof LibvirtError) return fromLibvirt(error);
  if (error instanceof ConnectionLost)
    return ApplicationFailure.create({ message: error.message, type: 'LibvirtUnreachable', cause: error });
  if (error instanceof CommandFailed) {
    return ApplicationFailure.create({ message: error.message, type: 'CommandFailed', details: [{ code: error.exitCode }], cause: error });
  }
  const type = permanentSystemErrors.get(errnoOf(error) ?? '');
  return type === undefined || !(error instanceof Error) ? error : ApplicationFailure.nonRetryable(error.message, type);
}

function fromLibvirt(error: LibvirtError): ApplicationFailure {
  const type = permanentLibvirtErrors.get(error.code);
  return ApplicationFailure.create({
    message: error.message,
    type: type ?? 'LibvirtError',
    nonRetryable: type !== undefined,
    details: [{ code: error.code }],
    cause: error,
  });
}

/** Whether the domain is not there. */
export function isNoDomain(error: unknown): boolean {
  return isLibvirtError(error, ErrorCode.noDomain);
}

/** The name of a failed system call's errno (`ENOENT`), or null. */
export function errnoOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** Whether a command failed because there is none of its name. */
export function isNotInstalled(error: unknown): boolean {
  return error instanceof CommandFailed && errnoOf(error.cause) === 'ENOENT';
}
