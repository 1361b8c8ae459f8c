import { ConnectionLost, ErrorCode, isLibvirtError } from '../../libvirt/index.ts';

/** libvirt's answer to a call that lasts. */
export interface Answer {
  /** `unknown`: it will never come, since the connection was lost or another call has the migration. */
  readonly state: () => 'awaited' | 'given' | 'unknown';
  /** What went wrong, in libvirt's words, or null. */
  readonly reason: () => string | null;
  /** Resolves, never rejects, when it is no longer awaited. */
  readonly done: Promise<void>;
}

/** @param asked null when another worker asked */
export function answerOf(asked: Promise<unknown> | null): Answer {
  let state: ReturnType<Answer['state']> = asked === null ? 'unknown' : 'awaited';
  let reason: string | null = null;
  const done = Promise.resolve(asked).then(
    () => {
      if (state === 'awaited') state = 'given';
    },
    (error: unknown) => {
      state = isOfAnother(error) ? 'unknown' : 'given';
      reason = error instanceof Error ? error.message : String(error);
    },
  );
  return { state: () => state, reason: () => reason, done };
}

/** Whether an error says nothing of how a migration ends. libvirt 9 refuses a second call within 20 ms while one is under way. */
function isOfAnother(error: unknown): boolean {
  return error instanceof ConnectionLost || isLibvirtError(error, ErrorCode.operationInvalid);
}
