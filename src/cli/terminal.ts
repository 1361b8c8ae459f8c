import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { styleText } from 'node:util';

/** What a word means to its reader; painted only where colours show. */
export type Tone = 'good' | 'bad' | 'busy' | 'faint';

/** Where the command writes and whom it may ask. */
export interface Terminal {
  /** Results. */
  readonly print: (text: string) => void;
  /** Everything else: progress, questions, failures. */
  readonly note: (text: string) => void;
  readonly paint: (tone: Tone, text: string) => string;
  /** Somebody watches both streams: lines may be rewritten. */
  readonly isLive: boolean;
  /** All of standard input, to its end. */
  readonly input: () => Promise<string>;
  /** Somebody sits there who can be asked. */
  readonly isAnswered: boolean;
  /** Asks and returns what was typed, or null for Ctrl-C, the end of input, and where nobody can be asked. */
  readonly ask: (question: string) => Promise<string | null>;
  /** The same, and what is typed is not shown. */
  readonly askSecret: (question: string) => Promise<string | null>;
  /** Calls `on` at each Ctrl-C, in place of ending the process, until the returned function is called. */
  readonly onInterrupt: (on: () => void) => () => void;
}

const colours = { good: 'green', bad: 'red', busy: 'yellow', faint: 'dim' } as const satisfies Record<Tone, string>;

/** The terminal that this process was started on, if it was. */
export function processTerminal({ stdin, stdout, stderr }: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr'>): Terminal {
  const isAnswered = stdin.isTTY && stderr.isTTY;
  return {
    isAnswered,
    print: (text) => void stdout.write(`${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    paint: (tone, text) => styleText(colours[tone], text, { stream: stdout }),
    isLive: stdout.isTTY && stderr.isTTY,
    input: () => text(stdin),
    ask: async (question) => (isAnswered ? ask(question, stderr) : null),
    askSecret: async (question) => (isAnswered ? askUnseen(question, stderr) : null),
    onInterrupt: (on) => {
      process.on('SIGINT', on);
      return () => process.off('SIGINT', on);
    },
  };
}

/** The answer is echoed by what reads it: to nowhere. */
async function askUnseen(question: string, stderr: Writable): Promise<string | null> {
  stderr.write(question);
  const answer = await ask('', new Writable({ write: (_chunk, _encoding, done) => done() }));
  stderr.write('\n');
  return answer;
}

async function ask(question: string, output: Writable): Promise<string | null> {
  using lines = createInterface({ input: process.stdin, output, terminal: true });
  const answered = new AbortController();
  lines.once('SIGINT', () => answered.abort());
  lines.once('close', () => answered.abort());
  return await lines.question(question, { signal: answered.signal }).catch(() => null); // awaited: the return would close it
}
