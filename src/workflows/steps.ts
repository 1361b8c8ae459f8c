import { ApplicationFailure, CancellationScope, proxyActivities } from '@temporalio/workflow';
import type { ControlActivities } from '../activities/control.ts';
import type { Entering } from '../activities/records.ts';
import type { OnFailure } from '../model/operation.ts';
import {
  type ControlSteps,
  type HostLongSteps,
  type HostSteps,
  type KindOfWork,
  longOn,
  longWhenItReturns,
  onControl,
  patientlyOnControl,
  quicklyOn,
  unlessItIsAway,
  waitingOn,
  whenItReturns,
} from './activities.ts';
import type { Hold } from './hold.ts';
import type { Journal } from './journal.ts';
import { attentionFor, isAway, isSilence, messageOf, typeOf } from './outcome.ts';
import type { Parking } from './parking.ts';
import { now } from './records/refuse.ts';

/** Where an operation is: read by whoever has to name the step that failed. */
export interface Position {
  readonly step: string;
  readonly host: string | null;
}

export interface Situation {
  readonly type: string;
  readonly onFailure: () => OnFailure;
  readonly isUndoing: () => boolean;
  readonly isCancelled: () => boolean;
  readonly isCommitted: () => boolean;
  readonly hearsOfEachBreak: () => boolean;
}

export interface StepMaker {
  readonly position: () => Position;
  /** Where the step stood that ended with this failure; others may have been begun since. */
  readonly whereFailed: (failure: unknown) => Position;
  readonly control: ControlSteps;
  readonly patientControl: ControlSteps;
  readonly onHost: (host: string) => HostSteps;
  readonly waitOnHost: (host: string, seconds: number) => HostSteps;
  readonly longOnHost: (host: string) => HostLongSteps;
  readonly whenHostReturns: (host: string) => HostSteps;
  readonly longWhenHostReturns: (host: string) => HostLongSteps;
  /** For an undo that can be left to the host: one that is away fails it, and nobody is asked. */
  readonly unlessAway: (host: string) => HostSteps;
  /** Begins `work`, whose first step tells the record where the operation is; `isCarried`: it has a step, and begins with it. */
  readonly carrying: <Result>(tell: Tell, work: () => Result) => { readonly result: Result; readonly isCarried: boolean };
  /** Whether a part of the story is to be begun anew that failed as often as it may: an operator is asked where the operation parks. */
  readonly mayBeginAnew: (failure: unknown) => Promise<boolean>;
}

/** What the record is to be told, made anew for each attempt: one that is tried again comes later. */
type Tell = () => Entering;

/**
 * Activities as functions that carry the token, are written into the journal, enter again when the token went stale, and
 * park when they are out of retries where the situation says so.
 */
export function stepMaker(situation: Situation, hold: Hold, book: Journal, park: Parking): StepMaker {
  let position: Position = { step: 'accept', host: null };
  const failedAt = new WeakMap<object, Position>();
  const whereFailed = (failure: unknown) => failedAt.get(Object(failure)) ?? position;
  let carried: Tell | null = null;

  return {
    position: () => position,
    whereFailed,
    control: steps<ControlSteps>(onControl),
    patientControl: steps<ControlSteps>(patientlyOnControl),
    onHost: (host) => steps<HostSteps>(quicklyOn(host)),
    waitOnHost: (host, seconds) => steps<HostSteps>(waitingOn(host, seconds)),
    longOnHost: (host) => steps<HostLongSteps>(longOn(host)),
    whenHostReturns: (host) => steps<HostSteps>(whenItReturns(host)),
    longWhenHostReturns: (host) => steps<HostLongSteps>(longWhenItReturns(host)),
    unlessAway: (host) => steps<HostSteps>(unlessItIsAway(host)),
    carrying: (tell, work) => {
      carried = tell;
      try {
        return { result: work(), isCarried: carried === null };
      } finally {
        carried = null;
      }
    },
    mayBeginAnew: async (failure) => mayPark() && (await parkAt(whereFailed(failure), failure)) === 'retry',
  };

  function steps<Functions>(kind: KindOfWork): Functions {
    const get = (_target: object, name: string | symbol) => (input: object) => take(String(name), kind, input);
    return new Proxy({}, { get }) as Functions;
  }

  function take(name: string, kind: KindOfWork, input: object): Promise<unknown> {
    const tell = carried;
    carried = null;
    const run = () => step(name, kind, tell === null ? () => input : () => ({ ...input, entering: tell() }));
    return situation.isCommitted() ? CancellationScope.nonCancellable(run) : run();
  }

  async function step(name: string, kind: KindOfWork, input: () => object): Promise<unknown> {
    for (;;) {
      try {
        return await attempt(name, kind, input());
      } catch (failure) {
        if (!(await shouldRepeat(kind, failure))) throw failure;
      }
    }
  }

  async function attempt(name: string, kind: KindOfWork, input: object): Promise<unknown> {
    const { host } = kind;
    const isUndo = situation.isUndoing();
    position = { step: name, host };
    const close = book.open(name, host);
    book.say(`${situation.type}: ${isUndo ? 'undoing, ' : ''}${name}${host === null ? '' : ` on ${host}`}`);
    try {
      const result = await call(name, kind, input);
      close(isUndo ? 'undone' : 'done');
      return result;
    } catch (failure) {
      close('waiting');
      failedAt.set(Object(failure), { step: name, host });
      throw failure;
    }
  }

  function call(name: string, { host, options }: KindOfWork, input: object): Promise<unknown> {
    const summary = host === null ? situation.type : `${situation.type} on ${host}`;
    const activity = proxyActivities<{ [name: string]: (input: object) => Promise<unknown> }>({ ...options, summary })[name];
    if (activity === undefined) throw ApplicationFailure.nonRetryable(`there is no activity ${name}`);
    return activity({ ...input, token: hold.nextToken() });
  }

  async function shouldRepeat({ host, waitsForSlot, mayBeAway }: KindOfWork, failure: unknown): Promise<boolean> {
    if (hold.token() === null || typeOf(failure) === 'ResetRefused') return false;
    if (typeOf(failure) === 'StaleToken') {
      await hold.enter(whereFailed(failure).step, {});
      return true;
    }
    if (host !== null && waitsForSlot === true && isSilence(failure) && (await isUp(host))) return true;
    if (mayBeAway === true && isAway(failure)) return false;
    if (isForTheStory(failure)) return false;
    return mayPark() && (await parkAt(whereFailed(failure), failure)) === 'retry';
  }

  /** Both ends of a transfer begin anew; a guest whose hosts lost one another is on neither. */
  function isForTheStory(failure: unknown): boolean {
    const type = typeOf(failure);
    if (type === 'PostCopyBroken') return situation.hearsOfEachBreak() || !situation.isCommitted();
    return type === 'TransferBroken';
  }

  async function isUp(host: string): Promise<boolean> {
    return (await proxyActivities<ControlActivities>(onControl.options).lookAtHost({ host })).isUp;
  }

  /** An undo always waits for its cause to be mended, and so does what cannot be undone any more. */
  function mayPark(): boolean {
    if (situation.isUndoing() || situation.isCommitted()) return true;
    return situation.onFailure() === 'park' && !situation.isCancelled();
  }

  function parkAt({ step, host }: Position, failure: unknown): Promise<'retry' | 'rollback'> {
    const isUndo = situation.isUndoing();
    const message = messageOf(failure);
    const decision = park.wait(
      {
        step,
        host,
        since: now(),
        attention: attentionFor(failure, isUndo),
        failure: { type: typeOf(failure) ?? 'OperationFailed', message },
      },
      isUndo || situation.isCommitted(),
    );
    book.say(`${situation.type}: waits for an operator at ${step}`, park.parked());
    return decision;
  }
}
