import type { NotificationPolicy } from './notification.ts';

/**
 * Who holds a record. One operation at a time does; it is known by its run, and a run that a Reset made
 * from it (same first run, another run id) may go on in its place as long as nothing was undone.
 */

/** A run as Temporal names it. `firstRunId` stays the same through resets. */
export interface Run {
  readonly workflowId: string;
  readonly runId: string;
  readonly firstRunId: string;
}

/** Who asks, as a record keeps and judges it. */
export interface Requester {
  readonly userId: string;
  readonly projectId: string;
  readonly requestId: string;
  readonly isAdmin: boolean;
}

/** What every step of an operation carries: the run it belongs to and the generation of its instance. */
export interface Token {
  readonly run: string;
  readonly generation: number;
  /** Which step of the run it is, counted up: an attempt of an earlier step that wakes late is recognised. Absent in steps of before 0.2. */
  readonly step?: number;
  /** Steps may carry what the record is told: it knows which message is late. Absent of a record of before 0.2. */
  readonly knowsOrder?: true;
}

export interface Holder extends Run {
  readonly type: string;
  /** 1, or 2 for the second half of an operation that let go in between. */
  readonly part: number;
  readonly userId: string;
  /** Absent of operations that began before requests had ids. */
  readonly requestId?: string | null;
  readonly step: string;
  readonly since: string;
  /** What who asked for it said. */
  readonly reason?: string;
  /** From here on a reset run is refused: part of the work is gone. */
  readonly undoing: boolean;
  /** Runs that a reset replaced: what still lives of them is refused. */
  readonly replaced: readonly string[];
  /** What was to be told when it took the record: a host, whose configuration may be another, says nothing of it. */
  readonly notify?: NotificationPolicy;
  /** The number of the newest message of its run. Absent before the first that has one. */
  readonly order?: number;
}

export interface Tenure {
  readonly holder: Holder | null;
  readonly generation: number;
  /** The last parts that ended, newest last: a late message of theirs is recognised. */
  readonly ended: readonly { readonly firstRunId: string; readonly part: number }[];
}

/** What an operation says as it moves on, when it starts to undo, and after a `StaleToken`. */
export interface Enter<Changes> {
  readonly run: Run;
  readonly part: number;
  readonly step: string;
  readonly undoing?: boolean;
  /** The operation goes on under a new generation: what still lives of its earlier steps is stale. */
  readonly supersedes?: boolean;
  readonly changes?: Changes;
  /** All records the operation is about to leave something in (`host/cn1`, `network/default`). Absent: as before. */
  readonly touches?: readonly string[];
  /** Which message of the run's it is, counted up: a step carries it, and an attempt that wakes late brings it late. Absent: never late. */
  readonly order?: number;
}

/** What an operation says when it lets go. */
export interface Finish<Changes> {
  readonly run: Run;
  readonly part: number;
  readonly end: OperationEnd;
  readonly steps: readonly StepSummary[];
  readonly changes: Changes;
  readonly touches?: readonly string[];
  /** Of an end that is no success. */
  readonly failure?: OperationFailure | null;
}

/** Why an operation ended otherwise than it should. */
export interface OperationFailure {
  /** One of the public failure types, `Cancelled`, `Terminated` or `TakenOver`. */
  readonly type: string;
  readonly message: string;
}

export type OperationEnd = 'completed' | 'failed' | 'cancelled' | 'terminated';

/** A step as it is kept after the run itself has left with the retention. */
export interface StepSummary {
  readonly name: string;
  readonly host: string | null;
  readonly durationMs: number;
  /** What the step decided, and why. */
  readonly note?: string;
}

/** How many ended parts a record remembers. */
export const rememberedEnds = 20;

/**
 * - `holds`: it is the holder.
 * - `reset`: it was made from the holder by a reset and may go on in its place.
 * - `ended`: its operation let go, or began to undo in an earlier run.
 * - `busy`: another operation holds the record.
 * - `free`: nobody does.
 */
export type Standing = 'holds' | 'reset' | 'ended' | 'busy' | 'free';

/** How `run` stands to the record. */
export function standingOf({ holder, ended }: Tenure, run: Run, part: number): Standing {
  if (ended.some((end) => end.firstRunId === run.firstRunId && end.part === part)) return 'ended';
  if (holder === null) return 'free';
  if (holder.firstRunId !== run.firstRunId || holder.part !== part) return 'busy';
  if (holder.runId === run.runId) return 'holds';
  return holder.undoing || holder.replaced.includes(run.runId) ? 'ended' : 'reset';
}

/** Whether a message of `run` counts: it holds the record, or was made from the run that does. */
export function mayAct(tenure: Tenure, run: Run, part: number): boolean {
  const standing = standingOf(tenure, run, part);
  return standing === 'holds' || standing === 'reset';
}

/** The record held by `run` from now on, under a new generation. Whoever held it before has ended: what is late of it is recognised. */
export function taken(
  tenure: Tenure,
  run: Run,
  as: Pick<Holder, 'type' | 'part' | 'userId' | 'requestId' | 'step' | 'since' | 'reason' | 'notify'>,
): Tenure {
  return {
    ...(tenure.holder === null ? tenure : released(tenure, tenure.holder)),
    generation: tenure.generation + 1,
    holder: {
      workflowId: run.workflowId,
      runId: run.runId,
      firstRunId: run.firstRunId,
      ...as,
      undoing: false,
      replaced: [],
    },
  };
}

/** The holder's run replaced by `runId`, which a reset made from it, under a new generation: steps of the old run are stale. The holder's own run changes nothing. */
export function continuedBy(tenure: Tenure, holder: Holder, runId: string): Tenure & { readonly holder: Holder } {
  if (holder.runId === runId) return { ...tenure, holder };
  return {
    ...tenure,
    generation: tenure.generation + 1,
    holder: { ...withoutOrder(holder), runId, replaced: [...holder.replaced, holder.runId] },
  };
}

/** A run that a reset made counts its messages anew. */
function withoutOrder({ order: _, ...holder }: Holder): Holder {
  return holder;
}

/** The tenure under a new generation, where the holder says that its own earlier steps are over. */
export function superseded<T extends Tenure>(tenure: T, { supersedes }: Pick<Enter<unknown>, 'supersedes'>): T {
  return supersedes === true ? { ...tenure, generation: tenure.generation + 1 } : tenure;
}

/** Whether the holder has said something since: the message comes from an attempt that woke late. */
export function isLate({ runId, order: newest }: Holder, { run, order }: Pick<Enter<unknown>, 'run' | 'order'>): boolean {
  return order !== undefined && newest !== undefined && run.runId === runId && order < newest;
}

/** The holder moved on to a step; once it undoes it does so for good. */
export function moved(holder: Holder, { step, undoing, order }: Pick<Enter<unknown>, 'step' | 'undoing' | 'order'>): Holder {
  return { ...holder, step, undoing: holder.undoing || undoing === true, ...(order === undefined ? {} : { order }) };
}

/** The record free again; the part is remembered. */
export function released(tenure: Tenure, holder: Holder): Tenure {
  const end = { firstRunId: holder.firstRunId, part: holder.part };
  return { ...tenure, holder: null, ended: [...tenure.ended, end].slice(-rememberedEnds) };
}
