import type { IncomingMessage } from 'node:http';
import { invalid } from '../accept/parse.ts';
import { fail } from '../record-client.ts';
import { type FetchPolicy, get } from './https.ts';

/** A file on a server, as one answer has it. */
export interface Remote {
  /** Where the body begins in the file. */
  readonly from: number;
  /** Null when the server does not say. */
  readonly totalBytes: number | null;
  /** By what the server knows the content again; null: it does not, and nothing can be resumed. */
  readonly validator: string | null;
  readonly body: IncomingMessage;
}

/** What is here already of a remote file. */
export interface Had {
  readonly from: number;
  readonly validator: string;
}

/**
 * Asks for a file, or for what is missing of it if it is still the same. The answer may begin at 0 whatever was asked for.
 * Raises `InvalidRequest` when the server refuses, `ImageUnacceptable` when it answers nonsense.
 */
export async function askFor(url: string, had: Had | null, policy: FetchPolicy): Promise<Remote> {
  const headers = had === null ? {} : { range: `bytes=${had.from}-`, 'if-range': had.validator };
  const body = await get(url, headers, policy);
  try {
    return await remoteOf(url, body, had, policy);
  } catch (error) {
    body.destroy();
    throw error;
  }
}

async function remoteOf(url: string, body: IncomingMessage, had: Had | null, policy: FetchPolicy): Promise<Remote> {
  const { statusCode = 0, headers } = body;
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw fail('ImageUnacceptable', `the server sends the image encoded by ${encoding}`);
  const validator = validatorOf(body);
  if (statusCode === 200) return { from: 0, totalBytes: lengthOf(headers['content-length']), validator, body };
  if (had !== null && statusCode === 206) {
    const range = rangeOf(headers['content-range']);
    // A server that ignores If-Range sends a part of another file.
    if (range?.from === had.from && (validator === null || validator === had.validator)) {
      return { ...range, validator: had.validator, body };
    }
  }
  const mayHaveChanged = had !== null && (statusCode === 206 || statusCode === 416);
  if (mayHaveChanged) {
    body.destroy();
    return askFor(url, null, policy);
  }
  throw refusedBy(statusCode, body.statusMessage ?? '');
}

/** A weak ETag says that two contents are alike, not that they are the same. */
function validatorOf({ headers: { etag, 'last-modified': lastModified } }: IncomingMessage): string | null {
  if (etag !== undefined) return etag.startsWith('W/') ? null : etag;
  return lastModified ?? null;
}

function rangeOf(text: string | undefined): { readonly from: number; readonly totalBytes: number | null } | null {
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(text ?? '') ?? [];
  return from === undefined ? null : { from: Number(from), totalBytes: lengthOf(total) };
}

function lengthOf(text: string | undefined): number | null {
  const length = Number(text ?? Number.NaN);
  return Number.isSafeInteger(length) ? length : null;
}

const mayPass: ReadonlySet<number> = new Set([408, 425, 429]);

function refusedBy(status: number, reason: string): Error {
  const said = `answers ${status} ${reason}`.trim();
  return status >= 500 || mayPass.has(status) ? new Error(`the source ${said}`) : invalid('source', said);
}
