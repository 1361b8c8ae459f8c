import type { CodecServerRequest } from '../codec/open-server.ts';
import type { CodecServer } from '../codec/server.ts';
import type { RequestContext } from '../context.ts';
import type { Pki } from '../pki/pki.ts';
import type { Cloud } from './cloud.ts';
import type { Terminal } from './terminal.ts';

/** What surrounds one call of the command. */
export interface Surroundings {
  readonly terminal: Terminal;
  /** Connects to Temporal, to ask as `identity`; null: as an administrator. Called at the first need: `--help` needs none, and the client takes 0.3 s to load. */
  readonly openCloud: (identity: RequestContext | null) => Promise<Cloud>;
  /** Starts a codec server. */
  readonly serveCodec: (request: CodecServerRequest) => Promise<CodecServer>;
  /** What issues certificates, loaded at the first need. */
  readonly pki: () => Promise<Pki>;
}

/** One call of the command. */
export interface Session {
  readonly terminal: Terminal;
  /** The connection, made once. */
  readonly cloud: () => Promise<Cloud>;
  readonly serveCodec: Surroundings['serveCodec'];
  readonly pki: Surroundings['pki'];
  readonly isJson: () => boolean;
  readonly isQuiet: () => boolean;
  /** Ends the call with this code though nothing went wrong. */
  readonly endWith: (exitCode: number) => void;
}

interface Answer {
  /** What `--json` prints. */
  readonly json: unknown;
  /** What `--quiet` prints, a line each. */
  readonly ids: readonly string[];
  /** What people read. */
  readonly text: () => string;
}

/** Prints a result in the form that was asked for. */
export function answer({ terminal, isJson, isQuiet }: Session, { json, ids, text }: Answer): void {
  if (isJson()) terminal.print(JSON.stringify(json, null, 2));
  else if (!isQuiet()) terminal.print(text());
  else if (ids.length > 0) terminal.print(ids.join('\n'));
}

/** Prints a list; an empty one says so where it does not disturb a script. */
export function answerList<Row>(
  session: Session,
  { rows, idOf, text, none }: { rows: readonly Row[]; idOf: (row: Row) => string; text: (rows: readonly Row[]) => string; none: string },
): void {
  const isForPeople = !session.isJson() && !session.isQuiet();
  if (rows.length === 0 && isForPeople) session.terminal.note(none);
  else answer(session, { json: rows, ids: rows.map(idOf), text: () => text(rows) });
}

/** Prints the id of an operation that nobody waits for. */
export function answerStarted(session: Session, id: string): void {
  answer(session, { json: { operation: id }, ids: [id], text: () => id });
}
