import type { RemoteError } from './structs.ts';

/** libvirt refused or failed a call; `code` is one of `ErrorCode`. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  /** What went wrong: one of `ErrorCode`. */
  readonly code: number;
  /** Which part of libvirt says so: one of `ErrorDomain`. */
  readonly domain: number;
  /** 1 warning, 2 error. */
  readonly level: number;
  /** The procedure that failed, by its name in the table. */
  readonly procedure: string;
  /** All that libvirt sent. */
  readonly details: RemoteError;

  constructor(procedure: string, details: RemoteError) {
    super(`${procedure}: ${details.message ?? `libvirt error ${details.code} without a text`}`);
    this.procedure = procedure;
    this.details = details;
    this.code = details.code;
    this.domain = details.domain;
    this.level = details.level;
  }
}

/** What a lost connection leaves of a call: one that was `not started` never left this process and may be repeated. */
export type LostOutcome = 'unknown' | 'not started';

/** The connection ended before the answer came. The call may have had its effect, or may still have it: look, never assume failure. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly outcome: LostOutcome;

  constructor(what: string, outcome: LostOutcome, cause: Error) {
    super(`${what}: ${cause.message} (${outcome === 'unknown' ? 'its outcome is unknown' : 'it was not started'})`, { cause });
    this.outcome = outcome;
  }
}

/** Whether `error` is libvirt's answer with this code. */
export function isLibvirtError(error: unknown, code: number): error is LibvirtError {
  return error instanceof LibvirtError && error.code === code;
}
