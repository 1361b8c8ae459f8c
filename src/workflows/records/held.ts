import type { SearchAttributeUpdatePair } from '@temporalio/common';
import { defineQuery, defineUpdate, setHandler } from '@temporalio/workflow';
import type { SinkName } from '../../model/notification.ts';
import { isAllSent, type Outbox } from '../../model/outbox.ts';
import type { Refused } from '../../model/refused.ts';
import type { Enter, Finish, Tenure, Token } from '../../model/tenure.ts';
import type { Wish } from '../../model/wish.ts';
import { courier } from './courier.ts';
import { type RunEnd, recordLife } from './life.ts';
import { now, refuseWith } from './refuse.ts';
import { showing } from './show.ts';
import { watch } from './watch.ts';
import { wishes } from './wishes.ts';

/** A record and the moment from which lists show it: an operation returns only when they do. */
export interface Shown<Record> {
  readonly record: Record;
  readonly shownAt: string;
}

/** What a record that operations take makes of their messages: pure functions of its state. */
interface HeldRecord<Record, State extends Tenure & { readonly record: Record | null }, Begin, Changes, Alter> {
  readonly begin: (state: State, message: Begin, at: string) => State;
  readonly enter: (state: State, message: Enter<Changes>, at: string) => State;
  readonly finish: (state: State, message: Finish<Changes>, at: string) => State;
  /** The holder's run ended without letting go. */
  readonly abandon: (state: State, how: string, at: string) => State;
  readonly refusalToBegin: (state: State, message: Begin) => Refused | null;
  readonly refusalToEnter: (state: State, message: Enter<Changes>) => Refused | null;
  /** Changes beside whatever holds the record. Absent where there are none. */
  readonly alter?: {
    readonly refusal: (state: State, message: Alter) => Refused | null;
    readonly apply: (state: State, message: Alter, at: string) => State;
  };
  /** What the answer to `begin` adds to token and record. */
  readonly begun?: (state: State) => object;
  readonly attributes: (record: Record) => readonly SearchAttributeUpdatePair[];
  /** What a row in a list shows beyond them. */
  readonly memo: (record: Record) => object;
  readonly isClosed: (record: Record, state: State) => boolean;
  /** What it still has to tell; absent: it tells nobody anything. */
  readonly outbox?: {
    readonly of: (state: State) => Outbox | undefined;
    readonly afterSending: (state: State, sink: SinkName, through: number) => State;
  };
  /** The operation that it wishes for; absent: it never does. */
  readonly wishes?: {
    readonly of: (state: State) => Wish | null | undefined;
    readonly afterStart: (state: State, workflowId: string) => State;
  };
  /** Registers the messages that only this kind of record takes. */
  readonly others?: (access: Access<State>) => void;
}

/** How a message reaches the state: it reads it, and changes it at once. */
export interface Access<State> {
  readonly state: () => State;
  readonly change: (next: State) => void;
}

/**
 * Serves a record that one operation at a time takes (`begin`), moves on (`enter`) and lets go (`finish`), until its run is
 * over. Handlers change the state synchronously, so that no two messages interleave. What a run executes before its first
 * message may never change: idle records of every release run it.
 */
export async function serveHeldRecord<Record, State extends Tenure & { readonly record: Record | null }, Begin, Changes, Alter = never>(
  carried: State,
  of: HeldRecord<Record, State, Begin, Changes, Alter>,
): Promise<{ end: RunEnd; state: State }> {
  let state = carried;
  let shownAt = '';
  const life = recordLife();
  const show = showing();
  const outbox = () => of.outbox?.of(state);
  const { send, isSending } = courier(outbox, (sink, through) => {
    life.touch();
    state = of.outbox?.afterSending(state, sink, through) ?? state;
  });
  const { grant, isGranting } = wishes(
    () => of.wishes?.of(state),
    (workflowId) => {
      life.touch();
      state = of.wishes?.afterStart(state, workflowId) ?? state;
    },
  );

  setHandler(defineQuery<Record | null>('record'), () => state.record);
  setHandler(
    defineUpdate<{ token: Token; record: Record }, [Begin]>('begin'),
    (message) => {
      change(of.begin(state, message, now()));
      return { token: tokenOf(state), record: recordOf(state), ...of.begun?.(state) };
    },
    { validator: (message) => refuseWith(of.refusalToBegin(state, message)) },
  );
  setHandler(
    defineUpdate<Token, [Enter<Changes>]>('enter'),
    (message) => {
      change(of.enter(state, message, now()));
      return tokenOf(state);
    },
    { validator: (message) => refuseWith(of.refusalToEnter(state, message)) },
  );
  setHandler(defineUpdate<Shown<Record>, [Finish<Changes>]>('finish'), (message) => {
    change(of.finish(state, message, now()));
    return { record: recordOf(state), shownAt };
  });
  of.others?.({ state: () => state, change });

  const { alter } = of;
  if (alter !== undefined) {
    setHandler(
      defineUpdate<Shown<Record>, [Alter]>('alter'),
      (message) => {
        change(alter.apply(state, message, now()));
        if (state.holder !== null) showMemo(); // whoever altered it waits for the list
        return { record: recordOf(state), shownAt };
      },
      { validator: (message) => refuseWith(alter.refusal(state, message)) },
    );
  }

  send(); // what the run before this one had still to tell
  grant();
  const end = await life.end({
    closed: () => state.record !== null && of.isClosed(state.record, state) && isAllSent(outbox()),
    held: () => state.holder !== null,
    sending: () => isSending() || isGranting(),
  });
  return { end, state };

  function change(next: State): void {
    life.touch();
    const { holder } = state;
    state = next;
    shownAt = now();
    show.attributes(of.attributes(recordOf(state)));
    // In the middle of an operation nobody waits for the list.
    if (state.holder === null || holder === null) showMemo();
    if (state.holder !== null && state.holder.firstRunId !== holder?.firstRunId) watchHolder(state.holder);
    send();
    grant();
  }

  function showMemo(): void {
    show.memo({ ...of.memo(recordOf(state)), shownAt });
  }

  function watchHolder({ firstRunId, part, ...run }: NonNullable<Tenure['holder']>): void {
    watch({ firstRunId, ...run }, (how) => {
      if (state.holder?.firstRunId === firstRunId && state.holder.part === part) change(of.abandon(state, how, now()));
    });
  }
}

function recordOf<Record>({ record }: { readonly record: Record | null }): Record {
  if (record === null) throw new Error('no operation has made this record');
  return record;
}

function tokenOf({ holder, generation }: Tenure): Token {
  return { run: holder?.runId ?? '', generation, knowsOrder: true };
}
