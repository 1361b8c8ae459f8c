import type { Run, Sight } from './cloud.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { showProgress } from './progress.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/**
 * Shows an operation until it is over and returns its result; or until `isEnough`, and returns nothing: it goes on. Ctrl-C never ends the operation by itself: on a terminal it asks,
 * elsewhere it leaves. Raises how the operation ended, or a `CommandError` when it was left.
 */
export async function follow(session: Session, run: Run, isEnough: (sight: Sight) => boolean = () => false): Promise<unknown> {
  const { terminal } = session;
  if (!session.isQuiet() && !terminal.isLive) terminal.note(run.id);
  let mayAsk = true;
  for (;;) {
    const how = await shown(session, run, isEnough);
    if (how === 'enough') return undefined;
    if (how === 'over') return run.result();
    const decision = mayAsk ? await decide(terminal, run) : 'leave';
    if (decision === 'leave') throw left(run);
    if (decision === 'cancel') {
      await run.cancel();
      terminal.note('asked to cancel: it undoes what it did; Ctrl-C leaves it to that');
      mayAsk = false;
    }
  }
}

/** Follows until the end, or until it is enough, or until Ctrl-C. */
async function shown(
  { terminal, isQuiet }: Session,
  run: Run,
  isEnough: (sight: Sight) => boolean,
): Promise<'over' | 'enough' | 'interrupted'> {
  const interrupted = new AbortController();
  const forget = terminal.onInterrupt(() => interrupted.abort());
  let how: 'over' | 'enough' | 'interrupted' = 'over';
  const seen = async function* () {
    for await (const sight of run.sights(interrupted.signal)) {
      how = sight.isOver ? 'over' : isEnough(sight) ? 'enough' : 'interrupted';
      yield sight;
      if (how === 'enough') return;
    }
  };
  try {
    if (!isQuiet()) await showProgress(terminal, run, seen());
    else for await (const _ of seen());
    return how;
  } finally {
    forget();
  }
}

async function decide({ ask }: Terminal, run: Run): Promise<'cancel' | 'leave' | 'wait'> {
  const typed = await ask(`${run.id} still runs. [c]ancel it, [l]eave it running, or [w]ait on? `);
  const letter = typed?.trim().toLowerCase()[0];
  if (letter === 'c') return 'cancel';
  return typed === null || letter === 'l' ? 'leave' : 'wait';
}

function left({ id }: Run): CommandError {
  return new CommandError(
    exitCodes.left,
    [`${id} goes on without you.`, `  to look at it:  novaflow op show ${id}`, `  to cancel it:   novaflow op cancel ${id}`].join('\n'),
  );
}

const patienceMs = 5_000;

/** The result of an operation that has no steps to show; says so when it takes long. */
export async function resultOf({ terminal }: Session, run: Run): Promise<unknown> {
  const reminder = setTimeout(() => terminal.note(`${run.id} still runs, or waits for a control worker`), patienceMs);
  return run.result().finally(() => clearTimeout(reminder));
}
