import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export type Answer = (asked: IncomingMessage, answer: ServerResponse) => unknown;

/** An https server of this machine with a certificate authority of its own. */
export interface ImageServer {
  readonly url: string;
  readonly caFile: string;
  /** What was asked, in order: `GET 0-`, with the beginning of the range. */
  readonly asked: readonly string[];
  /** How requests are answered from now on. */
  readonly answerBy: (answer: Answer) => void;
  readonly close: () => void;
}

export interface ServerOptions {
  /** Another address at which it is found; 127.0.0.1 is one. */
  readonly address?: string;
  /** False where it goes by `close`. */
  readonly goesWithTest?: boolean;
}

interface Certificates {
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
}

const made = new Map<string, Certificates>();

/** Made once a process for each address. */
function certificatesFor(address: string, directory: string): Certificates {
  const known = made.get(address);
  if (known !== undefined) return known;
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...ec, '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca');
  const names = ['-addext', `subjectAltName=IP:127.0.0.1,DNS:localhost,IP:${address}`];
  openssl('req', '-x509', ...ec, '-CA', 'ca', '-CAkey', 'ca.key', '-subj', '/CN=server', ...names, '-keyout', 'key', '-out', 'cert');
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  const certificates = { ca: read('ca'), key: read('key'), cert: read('cert') };
  made.set(address, certificates);
  return certificates;
}

/** A server that answers by `answer`; what it needs lies below `directory`. */
export async function imageServer(
  directory: string,
  answer: Answer,
  { address = '127.0.0.1', goesWithTest = true }: ServerOptions = {},
): Promise<ImageServer> {
  const { ca, key, cert } = certificatesFor(address, directory);
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, ca);
  const asked: string[] = [];
  let current = answer;
  const server = createServer({ key, cert }, (request, response) => {
    asked.push(request.headers.range?.slice('bytes='.length) ?? '0-');
    current(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  if (goesWithTest) onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  const answerBy = (next: Answer) => {
    current = next;
  };
  return { url: `https://127.0.0.1:${port}/image`, caFile, asked, answerBy, close };
}

/** As a good server has a file: with a strong ETag, and parts of it when they are asked for and it is still the same. */
export function serving(content: Buffer, etag = '"1"'): Answer {
  return breakingAfter(content, content.length, etag);
}

/** The same, but each connection breaks after `bytes` of them. */
export function breakingAfter(content: Buffer, bytes: number, etag = '"1"'): Answer {
  return (asked, answer) => {
    const from = startOf(asked, etag);
    const headers = { etag, 'content-length': content.length - from };
    if (from === 0) answer.writeHead(200, headers);
    else answer.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` });
    const isAll = from + bytes >= content.length;
    answer.write(content.subarray(from, from + bytes), () => (isAll ? answer.end() : answer.socket?.destroy()));
  };
}

function startOf({ headers }: IncomingMessage, etag: string): number {
  const [, from = '0'] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
  return headers['if-range'] === etag ? Number(from) : 0;
}
