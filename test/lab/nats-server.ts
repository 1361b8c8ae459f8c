import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { NotificationData } from '../../src/notifications/event.ts';

/** A CloudEvent as it lies in a stream. */
export interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly data: NotificationData;
}

/** A real nats-server with JetStream, and a stream that takes all that novaflow publishes. */
export interface NatsServer extends AsyncDisposable {
  /** `host:port`. */
  readonly address: string;
  /** Ends it by SIGKILL; what it stored stays. */
  readonly kill: () => Promise<void>;
  /** Starts it again where it was. */
  readonly start: () => Promise<void>;
  readonly makeStream: () => Promise<void>;
  /** What the stream holds, in its order, with its subjects. */
  readonly stored: () => Promise<readonly { readonly subject: string; readonly event: StoredEvent }[]>;
}

const stream = 'novaflow';

/** Starts one on a port that is free, with its files in a directory of its own. */
export async function startNatsServer(): Promise<NatsServer> {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-nats-'));
  let { child, port } = await running(directory, -1);
  const address = `127.0.0.1:${port}`;
  return {
    address,
    kill: () => killed(child),
    start: async () => {
      ({ child, port } = await running(directory, port));
    },
    makeStream: () => withManager(async (manager) => void (await manager.streams.add({ name: stream, subjects: ['novaflow.>'] }))),
    stored: () =>
      withManager(async (manager) => {
        const { state } = await manager.streams.info(stream);
        const sequences = Array.from({ length: state.messages }, (_, index) => state.first_seq + index);
        const messages = await Promise.all(sequences.map((seq) => manager.streams.getMessage(stream, { seq })));
        return messages.flatMap((message) => (message === null ? [] : [{ subject: message.subject, event: message.json<StoredEvent>() }]));
      }),
    [Symbol.asyncDispose]: async () => {
      await killed(child);
      await rm(directory, { recursive: true });
    },
  };

  async function withManager<T>(work: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<T>): Promise<T> {
    const connection = await connect({ servers: address });
    try {
      return await work(await jetstreamManager(connection));
    } finally {
      await connection.close();
    }
  }
}

/** -1: a port that the server chooses. Resolves once it serves. */
async function running(directory: string, wanted: number): Promise<{ child: ChildProcess; port: number }> {
  const args = ['--jetstream', '--store_dir', directory, '--addr', '127.0.0.1', '--port', `${wanted}`];
  const child = spawn('nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ready = Promise.withResolvers<void>();
  let port = wanted;
  createInterface({ input: child.stderr }).on('line', (line) => {
    port = Number(/Listening for client connections on .*:(\d+)/.exec(line)?.[1] ?? port);
    if (line.includes('Server is ready')) ready.resolve();
  });
  child.once('error', ready.reject);
  child.once('exit', (code) => ready.reject(new Error(`nats-server ended with ${code}`)));
  await ready.promise;
  return { child, port };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
