import type { Run, Sight } from './cloud.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { showProgress } from './progress.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/**
 * Shows an operation until it is over and returns its result. Ctrl-C never ends the operation by itself: on a terminal it asks,
 * elsewhere it leaves. Raises how the operation ended, or a `CommandError` when it was left.
 */
export async function follow(session: Session, run: Run): Promise<unknown> {
  const { terminal } = session;
  if (!session.isQuiet() && !terminal.isLive) terminal.note(run.id);
  let mayAsk = true;
  while (await isInterrupted(session, run)) {
    const decision = mayAsk ? await decide(terminal, run) : 'leave';
    if (decision === 'leave') throw left(run);
    if (decision === 'cancel') {
      await run.cancel();
      terminal.note('asked to cancel: it undoes what it did; Ctrl-C leaves it to that');
      mayAsk = false;
    }
  }
  return run.result();
}

/** Follows until the end, or until Ctrl-C: then true. */
async function isInterrupted({ terminal, isQuiet }: Session, run: Run): Promise<boolean> {
  const interrupted = new AbortController();
  const forget = terminal.onInterrupt(() => interrupted.abort());
  let isOver = false;
  const sights = untilOver(run.sights(interrupted.signal), () => {
    isOver = true;
  });
  try {
    if (!isQuiet()) await showProgress(terminal, run, sights);
    else for await (const _ of sights);
    return !isOver && interrupted.signal.aborted;
  } finally {
    forget();
  }
}

async function* untilOver(sights: AsyncIterable<Sight>, onOver: () => void): AsyncGenerator<Sight> {
  for await (const sight of sights) {
    if (sight.isOver) onOver();
    yield sight;
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
