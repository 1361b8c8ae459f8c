import type { Image, ImageFormat, ImageStatus } from './image.ts';
import type { Refused } from './refused.ts';
import {
  continuedBy,
  type Enter,
  type Finish,
  type Holder,
  isLate,
  mayAct,
  moved,
  type Run,
  released,
  standingOf,
  type Tenure,
  type Token,
  taken,
} from './tenure.ts';

export interface NewImage {
  readonly id: string;
  readonly name: string;
  readonly diskFormat: ImageFormat;
  readonly minRootGiB: number;
  readonly minMemoryMiB: number;
  readonly kernelId: string | null;
  readonly ramdiskId: string | null;
  readonly properties: Readonly<Record<string, string>>;
}

export interface BeginImage {
  readonly run: Run;
  readonly type: string;
  readonly userId: string;
  /** Null for an operation on an image that is there. */
  readonly create: NewImage | null;
}

export interface BegunImage {
  readonly token: Token;
  readonly record: Image;
  /** What the image was before a delete took it. */
  readonly restingStatus: ImageStatus;
}

export type EnterImage = Enter<Partial<Image>>;
export type FinishImage = Finish<Partial<Image>> & {
  /** Nothing of the image is left anywhere: its record is over. */
  readonly isOver?: boolean;
};

export interface ImageState extends Tenure {
  readonly record: Image | null;
  /** What the image is again when the delete that holds it removes nothing. */
  readonly restingStatus?: ImageStatus;
  /** The record is over. */
  readonly isDeleted?: boolean;
}

export const emptyImage: ImageState = { record: null, holder: null, generation: 0, ended: [] };

/** Why the image cannot be made by this run, or null. */
export function refusalToBeginImage(state: ImageState, { run, create }: BeginImage): Refused | null {
  if (mayAct(state, run, 1)) return null;
  if (standingOf(state, run, 1) === 'ended') return ended;
  if (create === null) return refusalToTake(state);
  return state.record === null
    ? null
    : { type: 'ImageExists', message: `image ${create.id} exists already: leave imageId out, or choose another` };
}

function refusalToTake({ record, holder, isDeleted }: ImageState): Refused | null {
  if (record === null || isDeleted === true) return { type: 'ImageNotFound', message: 'the image is deleted, or was never imported' };
  if (holder === null) return null;
  const { type, since, workflowId } = holder;
  return { type: 'ImageInUse', message: `image ${record.name} is held by ${type} since ${since}: wait for ${workflowId}, or cancel it` };
}

/** The state with the image queued and held by the run. Repeated it changes nothing; a reset run starts a new generation. */
export function beginImage(state: ImageState, { run, type, userId, create }: BeginImage, at: string): ImageState {
  if (state.holder !== null && mayAct(state, run, 1)) return { ...state, ...continuedBy(state, state.holder, run.runId) };
  const holding = taken(state, run, { type, part: 1, userId, step: 'accept', since: at });
  if (create === null) return state.record === null ? state : takenForDelete(state, state.record, holding);
  const record: Image = { ...create, status: 'queued', sizeBytes: null, virtualSizeBytes: null, checksum: null, createdAt: at };
  return { ...holding, record };
}

/** From here on no build begins from the image. */
function takenForDelete(state: ImageState, record: Image, holding: Tenure): ImageState {
  return { ...state, ...holding, restingStatus: record.status, record: { ...record, status: 'killed' } };
}

/** Why the run does not hold the image, or null. */
export function refusalToEnterImage(state: ImageState, { run, part }: EnterImage): Refused | null {
  return mayAct(state, run, part) ? null : ended;
}

/** The state after the holder moved on. */
export function enterImage(state: ImageState, message: EnterImage): ImageState {
  const { record, holder } = state;
  if (record === null || holder === null || isLate(holder, message)) return state;
  const held = continuedBy(state, holder, message.run.runId);
  return { ...state, ...held, holder: moved(held.holder, message), record: { ...record, ...message.changes } };
}

/** The state after the holder let go. A repeated message, or one of an operation that holds nothing, changes nothing. */
export function finishImage(state: ImageState, { run, part, end, changes, isOver }: FinishImage): ImageState {
  const { record, holder } = state;
  if (record === null || holder === null || !mayAct(state, run, part)) return state;
  const isDeleted = isOver === true || (holder.type === 'deleteImage' && end === 'completed');
  return { ...letGo(state, holder), record: { ...record, ...changes }, ...(isDeleted ? { isDeleted } : {}) };
}

/**
 * The state after the holder's run ended without letting go: what it stored is no image; one that was to be deleted may still be whole, and
 * of one that was to be made nothing was stored before it said so.
 */
export function abandonImage(state: ImageState): ImageState {
  const { record, holder, restingStatus } = state;
  if (record === null || holder === null) return state;
  const hasBegun = holder.step !== 'accept';
  const left = { ...letGo(state, holder), generation: state.generation + 1 };
  if (hasBegun) return { ...left, record: { ...record, status: 'killed' } };
  return restingStatus === undefined
    ? { ...left, record: { ...record, status: 'killed' }, isDeleted: true }
    : { ...left, record: { ...record, status: restingStatus } };
}

function letGo(state: ImageState, holder: Holder): ImageState {
  const { restingStatus: _, ...rest } = state;
  return { ...rest, ...released(rest, holder) };
}

const ended: Refused = { type: 'ResetRefused', message: 'this operation has ended or begun to undo: start a new one' };
