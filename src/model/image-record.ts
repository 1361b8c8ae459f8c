import type { Image, ImageFormat } from './image.ts';
import type { Refused } from './refused.ts';
import {
  continuedBy,
  type Enter,
  type Finish,
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
  readonly create: NewImage;
}

export interface BegunImage {
  readonly token: Token;
  readonly record: Image;
}

export type EnterImage = Enter<Partial<Image>>;
export type FinishImage = Finish<Partial<Image>>;

export interface ImageState extends Tenure {
  readonly record: Image | null;
}

export const emptyImage: ImageState = { record: null, holder: null, generation: 0, ended: [] };

/** Why the image cannot be made by this run, or null. */
export function refusalToBeginImage(state: ImageState, { run, create }: BeginImage): Refused | null {
  if (mayAct(state, run, 1)) return null;
  if (standingOf(state, run, 1) === 'ended') return ended;
  return state.record === null
    ? null
    : { type: 'ImageExists', message: `image ${create.id} exists already: leave imageId out, or choose another` };
}

/** The state with the image queued and held by the run. Repeated it changes nothing; a reset run starts a new generation. */
export function beginImage(state: ImageState, { run, type, userId, create }: BeginImage, at: string): ImageState {
  if (state.holder !== null && mayAct(state, run, 1)) return { ...state, ...continuedBy(state, state.holder, run.runId) };
  const record: Image = { ...create, status: 'queued', sizeBytes: null, virtualSizeBytes: null, checksum: null, createdAt: at };
  return { ...taken(state, run, { type, part: 1, userId, step: 'accept', since: at }), record };
}

/** Why the run does not hold the image, or null. */
export function refusalToEnterImage(state: ImageState, { run, part }: EnterImage): Refused | null {
  return mayAct(state, run, part) ? null : ended;
}

/** The state after the holder moved on. */
export function enterImage(state: ImageState, message: EnterImage): ImageState {
  const { record, holder } = state;
  if (record === null || holder === null) return state;
  const held = continuedBy(state, holder, message.run.runId);
  return { ...held, holder: moved(held.holder, message), record: { ...record, ...message.changes } };
}

/** The state after the holder let go. A repeated message, or one of an operation that holds nothing, changes nothing. */
export function finishImage(state: ImageState, { run, part, changes }: FinishImage): ImageState {
  const { record, holder } = state;
  if (record === null || holder === null || !mayAct(state, run, part)) return state;
  return { ...released(state, holder), record: { ...record, ...changes } };
}

/** The state after the holder's run was terminated: what it stored is no image. */
export function abandonImage(state: ImageState): ImageState {
  const { record, holder } = state;
  if (record === null || holder === null) return state;
  const free = released(state, holder);
  return { ...free, generation: free.generation + 1, record: { ...record, status: 'killed' } };
}

const ended: Refused = { type: 'ResetRefused', message: 'this import has ended or begun to undo: start a new one' };
