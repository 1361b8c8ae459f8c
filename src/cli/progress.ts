import type { Run, Sight } from './cloud.ts';
import { durationText } from './quantities.ts';
import { detailOf, parkedText, type Stage, stagesOf } from './stages.ts';
import type { Terminal } from './terminal.ts';

/** How long an operation may be unanswered before that is said. */
const silenceMs = 4_000;

/** Shows an operation while it runs: rewritten in place where somebody watches, else a line for each stage that is over. */
export async function showProgress(terminal: Terminal, run: Run, sights: AsyncIterable<Sight>): Promise<void> {
  if (terminal.isLive) await showLive(run, sights);
  else await showLines(terminal, run, sights);
}

/** An operation at one moment, a line a stage. */
export function progressLines(run: Pick<Run, 'id'>, sight: Sight, nowMs: number): readonly string[] {
  const detail = sight.isOver ? null : detailOf(sight.pending);
  const parked = sight.isOver ? null : parkedText(sight.operation, run.id);
  return [
    ...stagesOf(sight).map((stage) => stageLine(stage, nowMs)),
    ...(detail === null ? [] : [`  ${detail}`]),
    ...(parked === null ? [] : [parked]),
  ];
}

async function showLive(run: Run, sights: AsyncIterable<Sight>): Promise<void> {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2');
  const isSilent = silenceOf();
  let isOver = false;
  const task = {
    title: run.id,
    task: async (_: unknown, shown: { title: string; skip: (message?: string) => void }) => {
      for await (const sight of sights) {
        const lines = isSilent(sight) ? [silence] : progressLines(run, sight, Date.now());
        shown.title = [run.id, ...lines.map((line) => `  ${line}`)].join('\n');
        isOver = sight.isOver;
      }
      if (!isOver) shown.skip(shown.title);
      else await run.result();
    },
  };
  // Results alone belong on stdout.
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) });
  const options = { renderer: 'default', registerSignalListeners: false, rendererOptions: { logger, showErrorMessage: false } } as const;
  await new Listr([task], options).run().catch(() => {}); // the mark of the line says it; the caller says why
}

async function showLines(terminal: Terminal, run: Run, sights: AsyncIterable<Sight>): Promise<void> {
  const isSilent = silenceOf();
  const said = new Set<string>();
  const sayOnce = (text: string | null) => {
    if (text === null || said.has(text)) return;
    said.add(text);
    terminal.note(text);
  };
  for await (const sight of sights) {
    const ended = stagesOf(sight).filter(({ endedAt }) => endedAt !== null);
    for (const stage of ended) sayOnce(`  ${stageLine(stage, Date.now())}`);
    if (!sight.isOver) sayOnce(parkedText(sight.operation, run.id));
    if (isSilent(sight)) sayOnce(`  ${silence}`);
  }
}

const silence = 'nobody works on it: is a control worker running?';

/** Whether an operation that is not over has not been answered for since the first look. */
function silenceOf(): (sight: Sight) => boolean {
  const from = Date.now();
  let wasSeen = false;
  return ({ operation, isOver }) => {
    wasSeen ||= operation !== null || isOver;
    return !wasSeen && Date.now() - from > silenceMs;
  };
}

function stageLine({ name, steps, startedAt, endedAt }: Stage, nowMs: number): string {
  const ms = (endedAt === null ? nowMs : Date.parse(endedAt)) - Date.parse(startedAt);
  return `${name.padEnd(24)} ${durationText(ms).padStart(9)}  ${steps}`.trimEnd();
}
