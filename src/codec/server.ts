import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { KeyRing } from './key-ring.ts';
import { isSecret } from './payload-codec.ts';
import { opened, sealed } from './seal.ts';

const { Payloads } = proto.temporal.api.common.v1;

export interface CodecServerOptions {
  readonly keys: KeyRing & { readonly current: NonNullable<KeyRing['current']> };
  readonly ip: string;
  /** 0: any that is free. */
  readonly port: number;
  /** What a caller has to know: as `Authorization: Bearer <token>`, or as the first part of the path, for Temporal's UI. */
  readonly token: string;
  /** Where pages may come from that call this server: the addresses of Temporal's UI. */
  readonly origins: readonly string[];
}

/** A codec server that listens. */
export interface CodecServer extends AsyncDisposable {
  /** What Temporal's UI and `temporal --codec-endpoint` are given. It has the token in it: who knows it reads secrets. */
  readonly endpoint: string;
  readonly address: string;
}

const maxBodyBytes = 8 * 1024 ** 2;
const paths: ReadonlySet<string> = new Set(['/encode', '/decode']);

/**
 * Lets Temporal's UI and the `temporal` command read and send secrets: `POST /decode` and `POST /encode` take and return the JSON form
 * of Temporal's `Payloads`. It encrypts what our clients would, and leaves alone what no key of ours opens.
 */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      if (!response.headersSent) end(response, 500);
      else response.destroy(error instanceof Error ? error : undefined);
    });
  });
  server.listen(options.port, options.ip);
  await once(server, 'listening');
  const address = `http://${hostOf(server)}`;
  return { address, endpoint: `${address}/${options.token}`, [Symbol.asyncDispose]: () => closed(server) };
}

async function answer(options: CodecServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { origin } = request.headers;
  if (origin !== undefined && !options.origins.includes(origin)) return end(response, 403);
  if (origin !== undefined) allow(response, origin, request);
  if (request.method === 'OPTIONS') return end(response, 204);

  const path = authorizedPath(options.token, request);
  if (path === null) return end(response, 401);
  if (!paths.has(path)) return end(response, 404);
  if (request.method !== 'POST') return end(response, 405);
  // A page of another origin cannot send this type without asking first; then its origin is refused above.
  if (request.headers['content-type']?.split(';', 1)[0] !== 'application/json') return end(response, 415);

  const body = await bodyOf(request);
  if (body === null) return end(response, 413);
  const payloads = payloadsIn(body);
  if (payloads === null) return end(response, 400);
  const { keys } = options;
  const answered = payloads.map((payload) => (path === '/decode' ? (opened(payload, keys) ?? payload) : encoded(payload, keys.current)));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(Payloads.create({ payloads: answered }).toJSON()));
}

function encoded(payload: Payload, key: CodecServerOptions['keys']['current']): Payload {
  return isSecret(payload) ? sealed(payload, key) : payload;
}

/** The path without its token, or null when neither header nor path has the right one. */
function authorizedPath(token: string, { url = '', headers }: IncomingMessage): string | null {
  const { pathname } = new URL(url, 'http://codec');
  const [, first = '', ...rest] = pathname.split('/');
  if (isToken(token, first)) return `/${rest.join('/')}`;
  return isToken(token, headers.authorization?.replace(/^Bearer /, '') ?? '') ? pathname : null;
}

function isToken(token: string, given: string): boolean {
  const [wanted, offered] = [Buffer.from(token), Buffer.from(given)];
  return wanted.length === offered.length && timingSafeEqual(wanted, offered);
}

/** What the browser asks before it lets a page of Temporal's UI call. */
function allow(response: ServerResponse, origin: string, { headers }: IncomingMessage): void {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader('access-control-allow-headers', headers['access-control-request-headers'] ?? 'content-type');
  response.setHeader('access-control-allow-credentials', 'true');
  response.setHeader('vary', 'origin');
}

async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk); // the rest is read all the same, else nobody would hear the answer
  }
  return bytes > maxBodyBytes ? null : Buffer.concat(chunks).toString('utf8');
}

/** The JSON form of the protocol's message has bytes in base64. */
function payloadsIn(body: string): readonly Payload[] | null {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? (Payloads.fromObject(parsed).payloads ?? []) : null;
  } catch {
    return null;
  }
}

function end(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.setHeader('cache-control', 'no-store');
  response.end();
}

function hostOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function closed(server: Server): Promise<void> {
  const gone = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await gone;
}
