import { CancellationScope, CancelledFailure, defineQuery, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { Fault } from '../model/instance.ts';
import type { Accepted, OnFailure, OperationView } from '../model/operation.ts';
import { searchAttributes as attribute } from '../model/search-attributes.ts';
import type { OperationFailure } from '../model/tenure.ts';
import { together } from '../model/together.ts';
import type { ControlSteps } from './activities.ts';
import { hold, type RecordRef } from './hold.ts';
import { journal } from './journal.ts';
import { faultOf, outcomeOf } from './outcome.ts';
import { parking } from './parking.ts';
import { now } from './records/refuse.ts';
import { type StepMaker, stepMaker } from './steps.ts';
import { type Undo, undoStack } from './undo.ts';

/** An operation: what it is called, which record it holds, and what the record becomes when it does not succeed. */
export interface Operation<Input extends Accepted, Changes extends object> {
  readonly type: string;
  readonly request: unknown;
  /** 2 for the second half of an operation that let go in between. @default 1 */
  readonly part?: number;
  /** The first step: parses, looks up, takes the record. Its refusal is the run's own, with nothing made. */
  readonly accept: (control: ControlSteps, patientControl: ControlSteps) => (input: AcceptInput) => Promise<Input>;
  readonly record: (accepted: Input) => RecordRef;
  readonly onFailed: (fault: Fault) => Changes;
  readonly onCancelled: (accepted: Input) => Changes;
  /** Whether its undos leave nothing of the instance anywhere, so that a later delete has nowhere to look. */
  readonly undoneLeavesNothing: boolean;
  /** Told top to bottom; returns what the record becomes. */
  readonly story: (frame: Frame<Changes>, accepted: Input) => Promise<Changes>;
}

export interface AcceptInput {
  readonly request: unknown;
  readonly firstRunId: string;
}

/** What a story is told with. */
export interface Frame<Changes> extends Omit<StepMaker, 'position' | 'carrying'> {
  /** Whether the operation was asked to cancel, and still hears it. */
  readonly isCancelled: () => boolean;
  /** A part of the story that can be undone alone, and tried in another way. */
  readonly part: () => Part<Changes>;
  /** Registered before its step; right when the step did nothing, half, or all. Run newest first. */
  readonly undo: Undo;
  /** Tells the record where the operation is, and, before it is there, in which records it leaves something. */
  readonly enter: (changes: Changes, touches?: readonly string[]) => Promise<void>;
  /**
   * Does a step, which tells the record at the same time where the operation is: what the step makes is fenced by its token. Waits for both.
   */
  readonly during: <Result>(changes: Changes, step: () => Promise<Result>) => Promise<Result>;
  /** In which records alone the operation leaves something when it succeeds. */
  readonly leave: (touches: readonly string[]) => void;
  /**
   * Past the point of no return: has something done for which nobody who takes the record next has to wait, while the record is let go. In a
   * run of before 0.2 it is done at once.
   */
  readonly lastly: (work: () => Promise<unknown>) => Promise<void>;
  /** What becomes of a step that is out of retries, from here on. */
  readonly whenOutOfRetries: (policy: OnFailure) => void;
  /** Says of the step that ended last what it decided: people see it beside the step. */
  readonly note: (text: string) => void;
  /**
   * Has something done without which there is no way on nor back: a cancel is not heard in it, and a step of it that is out of retries waits
   * for an operator.
   */
  readonly insist: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** The point of no return: from here on a cancel is not heard and nothing is undone. */
  readonly commit: () => void;
}

/** What a part of a story registers its undos with. */
export interface Part<Changes> {
  readonly undo: Undo;
  /**
   * Undoes the part, beyond the reach of a cancel, and tells the record what is left; then the story goes on under a new generation:
   * what still lives of the part's steps can do nothing any more. A Reset of the operation is refused from here on.
   */
  readonly unwind: (changes: Changes) => Promise<void>;
}

/**
 * Runs an operation: accept, the story, and on failure or cancel its undos, newest first; then lets the record go and
 * returns it. Ends Canceled, or with the failure as the run's own.
 */
export async function operate<Input extends Accepted, Changes extends object, Record>(of: Operation<Input, Changes>): Promise<Record> {
  // A cancel is asked of the run, not of an error: against a host that died it arrives as a time-out.
  const run = CancellationScope.current();
  const held = hold(of.part);
  const book = journal();
  const park = parking();
  const undos = undoStack();
  let onFailure: OnFailure = 'rollback';
  let isCommitted = false;
  let isInsisting = false;
  let hearsOfEachBreak = false;
  let left: { touches?: readonly string[] } = {};
  const last: (() => Promise<unknown>)[] = [];
  const { position, patientControl, carrying, ...steps } = stepMaker(
    {
      type: of.type,
      onFailure: () => onFailure,
      isUndoing: undos.isUnwinding,
      isCancelled: () => run.consideredCancelled,
      isCommitted: () => isCommitted || isInsisting,
      hearsOfEachBreak: () => hearsOfEachBreak,
    },
    held,
    book,
    park,
  );

  setHandler(defineQuery<OperationView>('operation'), () => ({
    type: of.type,
    instanceId: held.record()?.kind === 'instance' ? (held.record()?.id ?? null) : null,
    step: book.steps().at(-1)?.name ?? null,
    steps: book.steps(),
    parked: park.parked(),
  }));

  const accepted = await CancellationScope.nonCancellable(accept);
  if (accepted.done !== undefined) return accepted.done as Record;
  const frame: Frame<Changes> = {
    ...steps,
    patientControl,
    undo: undos.add,
    note: book.note,
    isCancelled: () => run.consideredCancelled && !isCommitted,
    part: () => {
      const { add, unwind: undoPart } = undos.part();
      const unwind = (changes: Changes) =>
        CancellationScope.nonCancellable(async () => {
          await held.enter(stepShown(changes), { changes, undoing: true, supersedes: true });
          await undoPart();
        });
      return { undo: add, unwind };
    },
    enter: (changes, touches) => held.enter(stepShown(changes), { changes, ...(touches === undefined ? {} : { touches }) }),
    during: async (changes, step) => {
      const at = stepShown(changes);
      const begun = held.isToldBySteps() ? carrying(() => held.entering(at, { changes }), step) : { result: step(), isCarried: false };
      // Both are waited for whatever becomes of either: an undo must not run beside its step.
      const [result, entered] = await Promise.allSettled([begun.result, begun.isCarried ? null : held.enter(at, { changes })]);
      if (result.status === 'rejected') throw result.reason;
      if (entered.status === 'rejected') throw entered.reason;
      return result.value;
    },
    leave: (touches) => {
      left = { touches };
    },
    lastly: async (work) => {
      if (accepted.letsGoEarly === true) last.push(work);
      else await work();
    },
    whenOutOfRetries: (policy) => {
      onFailure = policy;
    },
    insist: async (work) => {
      isInsisting = true;
      try {
        return await CancellationScope.nonCancellable(work);
      } finally {
        isInsisting = false;
      }
    },
    commit: () => {
      isCommitted = true;
    },
  };
  try {
    if (run.consideredCancelled) throw new CancelledFailure('cancelled before the first step');
    const changes = await of.story(frame, accepted);
    // Asked for while the last step ran, which ended before it heard of it.
    if (run.consideredCancelled && !isCommitted) throw new CancelledFailure('cancelled in the last step');
    return await CancellationScope.nonCancellable(async () => {
      const [result] = await together([finish('completed', changes), ...last.map((work) => work())]);
      return result;
    });
  } catch (failure) {
    return await CancellationScope.nonCancellable(() => unwind(failure));
  }

  async function accept(): Promise<Input> {
    try {
      const input = await of.accept(steps.control, patientControl)({ request: of.request, firstRunId: workflowInfo().firstExecutionRunId });
      const record = of.record(input);
      held.taken(record, input.token);
      onFailure = input.onFailure;
      hearsOfEachBreak = input.hearsOfEachBreak === true;
      upsertSearchAttributes([
        { key: record.kind === 'instance' ? attribute.instanceId : attribute.objectName, value: record.id },
        { key: attribute.projectId, value: record.projectId },
      ]);
      return input;
    } catch (failure) {
      throw outcomeOf(failure, position());
    }
  }

  async function finish(
    end: 'completed' | 'failed' | 'cancelled',
    changes: Changes,
    failure: OperationFailure | null = null,
  ): Promise<Record> {
    const undone = of.undoneLeavesNothing ? { touches: [] } : {};
    const touches = end === 'completed' ? left : undone;
    const result = (await held.finish(end, { steps: book.summaries(), changes, failure, ...touches })) as Record;
    book.say(`${of.type}: ${end}`);
    return result;
  }

  function stepShown(changes: Changes): string {
    return 'taskState' in changes && typeof changes.taskState === 'string' ? changes.taskState : position().step;
  }

  async function unwind(failure: unknown): Promise<never> {
    const isCancel = run.consideredCancelled && !isCommitted;
    const outcome = isCancel ? new CancelledFailure(`${of.type} was cancelled`) : outcomeOf(failure, steps.whereFailed(failure));
    try {
      await held.enter(position().step, { undoing: true });
    } catch (refusal) {
      // Another run or another operation holds the record: what was done is theirs now.
      throw isCancel ? outcome : outcomeOf(refusal, position());
    }
    await undos.unwind();
    const { workflowId, runId } = workflowInfo();
    const fault = faultOf(outcome, { workflowId, runId, type: of.type }, now());
    if (isCancel) await finish('cancelled', of.onCancelled(accepted), { type: 'Cancelled', message: outcome.message });
    else await finish('failed', of.onFailed(fault), { type: fault.type, message: fault.message });
    throw outcome;
  }
}
