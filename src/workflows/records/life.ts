import {
  allHandlersFinished,
  CancellationScope,
  condition,
  defineUpdate,
  makeContinueAsNewFunc,
  setHandler,
  sleep,
  type Workflow,
  workflowInfo,
} from '@temporalio/workflow';

/** Makes a record start a new run with the code of today: sent by an upgrade, answered at once. */
export const renewUpdate = defineUpdate<void>('renew');

/** From here on a history is worth leaving behind; the server warns at 10,240 events. */
const grownEvents = 4_000;

/** How long what is being sent may take to put off the end of a run. */
const sendingTime = '2 seconds';

/** How the run of a record ends: for good, or to go on in a new run. */
export type RunEnd = 'closed' | 'continued';

interface Life {
  /** Every message that changes the record says so: a run that was never touched executes nothing. */
  touch(): void;
  /** Resolves when this run is over. `held`: an operation holds the record; `sending`: the end is put off for a moment. */
  end(is: { closed: () => boolean; held: () => boolean; sending?: () => boolean }): Promise<RunEnd>;
}

/**
 * The life of a record's run. It continues as new when nothing came for a minute, when its history has grown, or when
 * asked to `renew`: an idle run has no commands in its history, so that it takes any later code over. By size and rest
 * instead of after every operation, because a run that ends while others write to it delays them by seconds.
 */
export function recordLife(): Life {
  let touches = 0;
  let mustRenew = false;
  setHandler(renewUpdate, () => {
    mustRenew = true;
  });
  const isGrown = () => workflowInfo().historyLength > grownEvents || workflowInfo().continueAsNewSuggested;
  return {
    touch: () => {
      touches += 1;
    },
    // A record is never cancelled: the button in the UI would lose an instance.
    end: ({ closed, held, sending = () => false }) =>
      CancellationScope.nonCancellable(async () => {
        const mayContinue = () => allHandlersFinished() && !held() && !closed();
        await condition(() => touches > 0 || mustRenew);
        for (;;) {
          const seen = touches;
          const isCalled = await condition(() => closed() || ((mustRenew || isGrown()) && mayContinue()), '1 minute');
          if (closed()) {
            await condition(allHandlersFinished);
            return 'closed';
          }
          const isOver = isCalled || (touches === seen && mayContinue());
          if (isOver && (await isStillOver({ isCalled, sending, mayContinue }))) return 'continued';
        }
      }),
  };
}

/**
 * What is on its way would be sent again by the next run, so it is waited for; but not for long, as it may be tried in vain.
 * And the message that called for the end is answered in a workflow task of its own: the server fails a task that ends the
 * run while anything else comes in, and with it the answers that it holds.
 */
async function isStillOver({ isCalled, sending, mayContinue }: Ending): Promise<boolean> {
  if (sending()) await condition(() => !sending() || !mayContinue(), sendingTime);
  if (isCalled && mayContinue()) await sleep('1 millisecond');
  return mayContinue();
}

interface Ending {
  /** By a message, rather than by rest. */
  readonly isCalled: boolean;
  readonly sending: () => boolean;
  readonly mayContinue: () => boolean;
}

/** Goes on in a new run. Search attributes go along by themselves; what `upsertMemo` wrote would be lost, and with it the row in lists. */
export function continueWith<Record extends Workflow>(...state: Parameters<Record>): Promise<never> {
  return makeContinueAsNewFunc<Record>({ memo: workflowInfo().memo ?? {} })(...state);
}
