import { ApplicationFailure, condition, defineUpdate, isCancellation, setHandler } from '@temporalio/workflow';

/** What is done with an instance that is resized. */
export interface Decided {
  readonly decision: 'confirm' | 'revert';
  /** `asked`: by an update, which waits for its answer; `time`: its window is over; `cancel`: the operation was cancelled. */
  readonly by: 'asked' | 'time' | 'cancel';
  /** What who asked said. */
  readonly reason?: string;
}

/** The updates by which a resize is decided. */
export interface Decisions {
  /** From here on they are taken. */
  readonly open: () => void;
  /** The next decision; `until` null: nobody but an update or a cancel makes one. */
  readonly next: (until: string | null) => Promise<Decided>;
  /** Tells who asked why it is not done; then another may ask. */
  readonly refuse: (why: Error) => void;
  /** This is done, or nothing any more: from here on none is taken. Who asked for another thing is told. */
  readonly close: (done: Decided['decision'] | null) => void;
}

/** Registers the updates `confirm` and `revert`. Called first in a run. */
export function decisions(): Decisions {
  let isOpen = false;
  let asked: Omit<Decided, 'by'> | null = null;
  let refusal: Error | null = null;
  let answers = 0;

  const check = (fields: readonly string[]) => (request: unknown) => {
    const problem = problemOf(request, fields);
    if (problem !== null)
      throw ApplicationFailure.nonRetryable(`${problem.field} ${problem.message}`, 'InvalidRequest', { fields: [problem] });
    if (isOpen && asked === null) return;
    throw notWaiting(isOpen ? 'another decision is being carried out' : 'the instance is not resized yet, or no more');
  };
  const decide = (decision: Decided['decision']) => async (request: unknown) => {
    asked = { decision, ...((request ?? {}) as { reason?: string }) };
    const mine = answers;
    await condition(() => answers > mine);
    if (refusal !== null) throw refusal;
  };
  setHandler(defineUpdate<void, [unknown]>('confirm'), decide('confirm'), { validator: check([]) });
  setHandler(defineUpdate<void, [unknown]>('revert'), decide('revert'), { validator: check(['reason']) });

  return {
    open: () => {
      isOpen = true;
    },
    next: async (until) => {
      const isAsked = () => asked !== null;
      try {
        const inTime =
          until === null ? condition(isAsked).then(() => true) : condition(isAsked, Math.max(1, Date.parse(until) - Date.now()));
        if (!(await inTime)) return { decision: 'confirm', by: 'time' };
        return { ...(asked ?? { decision: 'confirm' }), by: 'asked' };
      } catch (failure) {
        if (!isCancellation(failure)) throw failure;
        return { decision: 'revert', by: 'cancel' };
      }
    },
    refuse: answer,
    close: (done) => {
      isOpen = false;
      answer(
        asked?.decision === done ? null : notWaiting(done === null ? 'its operation is over' : `another decision came first: ${done}`),
      );
    },
  };

  function answer(why: Error | null): void {
    refusal = why;
    if (asked !== null) answers += 1;
    asked = null;
  }
}

function notWaiting(why: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`there is nothing to decide: ${why}`, 'InvalidState', { vmState: null, taskState: null });
}

/** By hand: a schema library's answers change between releases, and a validator is replayed. */
function problemOf(request: unknown, fields: readonly string[]): { field: string; message: string } | null {
  if (request === undefined) return null;
  if (typeof request !== 'object' || request === null || Array.isArray(request)) return { field: 'request', message: 'must be an object' };
  const unknown = Object.keys(request).find((name) => !fields.includes(name));
  if (unknown !== undefined) return { field: unknown, message: 'is no field of this request' };
  if (!('reason' in request)) return null;
  const { reason } = request;
  const isReason = typeof reason === 'string' && reason.length > 0 && reason.length <= 500;
  return isReason ? null : { field: 'reason', message: 'must be text of 1 to 500 characters' };
}
