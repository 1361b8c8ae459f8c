import { ConnectionLost, ErrorCode, ErrorDomain, isLibvirtError, LibvirtError } from '../../libvirt/index.ts';

/** libvirt's answer to a call that lasts. */
export interface Answer {
  /** `unknown`: it will never come, since the connection was lost or another call has the migration. */
  readonly state: () => 'awaited' | 'given' | 'unknown';
  /** What went wrong, in libvirt's words, or null. */
  readonly reason: () => string | null;
  /** Whether what went wrong is that a libvirtd was lost, this host's or the destination's. */
  readonly isLost: () => boolean;
  /** Resolves, never rejects, when it is no longer awaited. */
  readonly done: Promise<void>;
}

/** @param asked null when another worker asked */
export function answerOf(asked: Promise<unknown> | null): Answer {
  let state: ReturnType<Answer['state']> = asked === null ? 'unknown' : 'awaited';
  let [reason, isLost] = [null as string | null, false];
  const done = Promise.resolve(asked).then(
    () => {
      if (state === 'awaited') state = 'given';
    },
    (error: unknown) => {
      state = isOfAnother(error) ? 'unknown' : 'given';
      reason = error instanceof Error ? error.message : String(error);
      isLost = error instanceof ConnectionLost || isOfAConnection(error);
    },
  );
  return { state: () => state, reason: () => reason, isLost: () => isLost, done };
}

/** What a libvirtd says of the connection that it has to another one. */
function isOfAConnection(error: unknown): boolean {
  return error instanceof LibvirtError && error.domain === ErrorDomain.rpc;
}

/** Whether an error says nothing of how a migration ends. libvirt 9 refuses a second call within 20 ms while one is under way. */
function isOfAnother(error: unknown): boolean {
  return error instanceof ConnectionLost || isLibvirtError(error, ErrorCode.operationInvalid);
}
