import { mkdir, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { Config } from '../../config.ts';
import { listening } from '../free-port.ts';
import { outlivingActivity, run } from '../run.ts';
import { credentials, received } from './https.ts';
import { addListener } from './listeners.ts';

type TakerConfig = Pick<Config, 'host' | 'transferPorts' | 'transferSilenceSeconds' | 'pkiDir'>;

/** What one attempt of a transfer may bring. */
interface Expected {
  /** What the listener has to itself. */
  readonly own: string;
  /** Where files go: no other attempt writes there. */
  readonly into: string;
  /** Where it is to be put, in the URL. */
  readonly path: string;
  /** The host that may put it there, by its certificate. */
  readonly client: string;
}

/**
 * Takes one tar of files from one host, until it is ended or this worker is. One that is put again replaces what came before. Returns the port.
 */
export async function takeByHttps(config: TakerConfig, { own, into, path, client }: Expected): Promise<number> {
  let taking: Promise<void> = Promise.resolve();
  let coming: IncomingMessage | null = null;
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const certificate: PeerCertificate | null = (request.socket as TLSSocket).getPeerCertificate(); // null of a connection that is gone
    const peer = certificate?.subject?.CN;
    if (peer !== client) return void response.writeHead(403).end(`${peer} is not ${client}`);
    if (request.method !== 'PUT' || request.url !== path) return void response.writeHead(404).end(`nothing is expected at ${request.url}`);
    coming?.destroy();
    coming = request;
    taking = taking
      .then(() => extract(request, into))
      .then(
        () => void response.writeHead(received).end(),
        (error: unknown) => void response.writeHead(500).end(`${error}`),
      );
    await taking;
  };

  const server = createServer({ ...(await credentials(config, 'server')), requestCert: true, rejectUnauthorized: true }, (...exchange) => {
    void take(...exchange);
  });
  server.requestTimeout = 0; // what is large takes as long as it takes, as long as something comes
  server.setTimeout(config.transferSilenceSeconds * 1000);
  const port = await outlivingActivity(() => listening(server, config.transferPorts, 'transferPorts', config.host.address));
  server.unref();
  addListener(own, async () => {
    server.close();
    server.closeAllConnections();
    await taking;
  });
  return port;
}

async function extract(from: IncomingMessage, into: string): Promise<void> {
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { mode: 0o700 });
  // tar ends with the archive, which may be before the request ends: what it read from is then destroyed, and a request with its connection.
  const archive = new PassThrough().on('error', () => {});
  from.once('error', (error) => archive.destroy(error));
  from.pipe(archive);
  await run('tar', ['--extract', '--sparse', '--no-same-owner', `--directory=${into}`, '--file=-'], { input: archive });
  await finished(from.resume());
}
