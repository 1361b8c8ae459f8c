import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { errnoOf } from './failures.ts';

/** Ports that a host may take, both ends included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const triesAtAPort = 20;

/** Listens on a port of the range, at `address` or at any of the machine's; begins anywhere in it, so that two rarely try the same. */
export async function listening(server: Server, { first, last }: PortRange, name: string, address?: string): Promise<number> {
  const count = last - first + 1;
  const begin = randomBytes(4).readUInt32BE() % count;
  for (let attempt = 0; attempt < Math.min(count, triesAtAPort); attempt += 1) {
    const port = first + ((begin + attempt) % count);
    try {
      server.listen(port, address);
      await once(server, 'listening');
      return port;
    } catch (error) {
      if (errnoOf(error) !== 'EADDRINUSE') throw error;
    }
  }
  throw new Error(`no port from ${first} to ${last} is free (tried ${triesAtAPort}): widen ${name}`);
}

/** A port of the range that nobody listens on at `address`, for a program that takes it next. */
export async function freePort(range: PortRange, name: string, address: string): Promise<number> {
  const server = createServer();
  const port = await listening(server, range, name, address);
  server.close();
  await once(server, 'close');
  return port;
}
