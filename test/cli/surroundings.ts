import type { Cloud, Filter, Records, Rows, Run, Sight } from '../../src/cli/cloud.ts';
import type { Explanation } from '../../src/cli/explanation.ts';
import { main } from '../../src/cli/main.ts';
import type { Surroundings } from '../../src/cli/session.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

/** A terminal that keeps what is written; without colours and not live. */
export interface KeptTerminal extends Terminal {
  readonly out: string[];
  readonly err: string[];
  /** Presses Ctrl-C. */
  readonly interrupt: () => void;
}

export function keptTerminal({ answers = [], input = '' }: { answers?: readonly (string | null)[]; input?: string } = {}): KeptTerminal {
  const out: string[] = [];
  const err: string[] = [];
  const listeners = new Set<() => void>();
  const left = [...answers];
  const ask = async (question: string) => {
    err.push(question);
    return left.shift() ?? null;
  };
  return {
    out,
    err,
    print: (text) => out.push(text),
    note: (text) => err.push(text),
    paint: (_, text) => text,
    isLive: false,
    input: async () => input,
    isAnswered: answers.length > 0,
    ask,
    askSecret: ask,
    onInterrupt: (on) => {
      listeners.add(on);
      return () => listeners.delete(on);
    },
    interrupt: () => {
      for (const on of listeners) on();
    },
  };
}

/** What a fake cloud was asked to do. */
export type Asked = readonly unknown[];

interface Contents {
  readonly rows?: { readonly [Kind in keyof Rows]?: readonly Rows[Kind][] };
  readonly records?: Partial<Records>;
  /** What every operation returns, or how it ends. */
  readonly result?: () => Promise<unknown>;
  readonly sights?: Run['sights'];
  /** What every operation is, and what it is once it was asked to cancel. */
  readonly explanation?: Explanation;
  readonly status?: string;
  readonly statusLater?: string;
  readonly serveCodec?: Surroundings['serveCodec'];
  readonly pki?: Surroundings['pki'];
}

/** A cloud that holds what it was given and keeps what it was asked to do. */
export function fakeCloud(contents: Contents = {}): { cloud: Cloud; asked: Asked[] } {
  const asked: Asked[] = [];
  const result = contents.result ?? (async () => ({}));
  let status = contents.status ?? 'running';
  const runCalled = (id: string): Run => ({
    id,
    type: 'buildInstance',
    sights: contents.sights ?? endedSights,
    result,
    cancel: async () => {
      asked.push(['cancel', id]);
      status = contents.statusLater ?? status;
    },
  });
  const cloud: Cloud = {
    list: async (kind, filter: Filter) => {
      asked.push(['list', kind, filter]);
      return (contents.rows?.[kind] ?? []) as never;
    },
    idOf: async (_, idOrName) => `id of ${idOrName}`,
    record: async (kind, idOrName) => {
      asked.push(['record', kind, idOrName]);
      return contents.records?.[kind] as never;
    },
    pastRecord: async (idOrName) => {
      asked.push(['pastRecord', idOrName]);
      return contents.records?.instance as never;
    },
    start: async (name, subject, request) => {
      asked.push(['start', name, subject, request]);
      return runCalled(`${name}/${subject}/1`);
    },
    run: async (id) => runCalled(id),
    report: async (id) => ({
      id,
      runId: 'r1',
      type: 'buildInstance',
      status,
      startedAt: at(0),
      endedAt: status === 'running' ? null : at(1),
      operation: null,
      pending: [],
      failure: null,
    }),
    explain: async (id) => contents.explanation ?? { id, runId: 'r1', type: 'buildInstance', choices: [] },
    decide: async (id, verdict, decision) => {
      asked.push([verdict, id, decision]);
      return id;
    },
    close: async () => {
      asked.push(['close']);
    },
  };
  return { cloud, asked };
}

async function* endedSights(): AsyncGenerator<Sight> {
  yield { operation: null, instance: null, pending: [], isOver: true };
}

/** Runs one call of the command against a fake cloud. */
export async function call(
  argv: readonly string[],
  contents: Contents = {},
  terminal: KeptTerminal = keptTerminal(),
): Promise<{ exitCode: number; out: string; err: string; asked: Asked[] }> {
  const { cloud, asked } = fakeCloud(contents);
  const exitCode = await main(argv, {
    serveCodec: contents.serveCodec ?? (() => Promise.reject(new Error('nothing is served here'))),
    pki: contents.pki ?? (() => Promise.reject(new Error('nothing is issued here'))),
    terminal,
    openCloud: async (identity) => {
      if (identity !== null) asked.push(['as', identity]);
      return cloud;
    },
  });
  return { exitCode, out: terminal.out.join('\n'), err: terminal.err.join('\n'), asked: asked.filter(([what]) => what !== 'close') };
}

/** A time some milliseconds after a fixed one. */
export function at(ms: number): string {
  return new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
}
