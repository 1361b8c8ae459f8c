import { setCurrentDetails } from '@temporalio/workflow';
import type { Parked, StepView } from '../model/operation.ts';
import type { StepSummary } from '../model/tenure.ts';
import { now } from './records/refuse.ts';
import { requesterLine } from './requester.ts';

/** The steps of a run as people see them: in the query `operation`, in the UI's current details, in the record afterwards. */
export interface Journal {
  readonly steps: () => readonly StepView[];
  readonly summaries: () => readonly StepSummary[];
  /** Opens a line; the returned function closes it. */
  readonly open: (name: string, host: string | null) => (state: 'done' | 'waiting' | 'undone') => void;
  /** Says of the last step what it decided. */
  readonly note: (text: string) => void;
  readonly say: (headline: string, parked?: Parked | null) => void;
}

/** A journal whose headline is the operation's. */
export function journal(): Journal {
  const steps: StepView[] = [];
  return {
    steps: () => steps,
    summaries: () =>
      steps.map(({ name, host, startedAt, endedAt, note }) => ({
        name,
        host,
        durationMs: Date.parse(endedAt ?? now()) - Date.parse(startedAt),
        ...(note === undefined ? {} : { note }),
      })),
    open: (name, host) => {
      const at = steps.push({ name, host, state: 'running', startedAt: now(), endedAt: null }) - 1;
      return (state) => {
        const opened = steps[at];
        if (opened !== undefined) steps[at] = { ...opened, state, endedAt: now() };
      };
    },
    note: (text) => {
      const last = steps.pop();
      if (last !== undefined) steps.push({ ...last, note: text });
    },
    say: (headline, parked = null) =>
      setCurrentDetails([headline, ...requested(), '', ...steps.map(line), ...(parked === null ? [] : parkedLines(parked))].join('\n')),
  };
}

function requested(): string[] {
  const asked = requesterLine();
  return asked === null ? [] : ['', asked];
}

function line({ name, host, state, startedAt, endedAt, note }: StepView): string {
  const marks = { done: '✓', running: '→', waiting: '‖', undone: '↶' } as const;
  const seconds = endedAt === null ? `since ${startedAt}` : `${((Date.parse(endedAt) - Date.parse(startedAt)) / 1000).toFixed(2)} s`;
  return `- ${marks[state]} ${name}${host === null ? '' : ` on ${host}`}: ${seconds}${note === undefined ? '' : `, ${note}`}`;
}

function parkedLines({ number, step, host, failure, since }: Parked): string[] {
  return [
    '',
    `**Parked (${number})** at \`${step}\`${host === null ? '' : ` on \`${host}\``} since ${since}: ${failure.type}: ${failure.message}`,
    '',
    'The instance stays locked and keeps its claims. Mend the cause, then send the update `retry {"reason": "…"}`;',
    'or give up with the update `rollback {"reason": "…"}`, which undoes what was done.',
  ];
}
