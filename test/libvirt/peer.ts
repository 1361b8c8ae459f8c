import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, type ConnectionOptions, Connection as RealConnection } from '../../src/libvirt/connection.ts';
import { encodeFrame, type Frame, FrameType, frameSplitter, Program, Status } from '../../src/libvirt/frame.ts';

/** A peer that does what a test tells it to. */
export interface Peer extends AsyncDisposable {
  readonly socket: string;
  /** All frames that arrived, but those of the greeting. */
  readonly received: Frame[];
}

/** What a peer does when a connection opens, and with each frame behind the greeting. */
export interface Script {
  opened?(socket: Socket): void;
  received?(frame: Frame, socket: Socket): void;
  /** Whether it answers the greeting as libvirtd does. @default true */
  readonly greets?: boolean;
}

const authList = 66;
const connectOpen = 1;
const supportsFeature = 60;

/** The answers of a libvirtd without authentication. */
const greetings = new Map([
  [authList, Buffer.from('0000000100000000', 'hex')],
  [supportsFeature, Buffer.from('00000001', 'hex')],
  [connectOpen, Buffer.alloc(0)],
]);

/** The bytes of an answer to a call. */
export function answerTo(call: Frame, body: Buffer, status: number = Status.ok): Buffer {
  return encodeFrame({ ...call, type: FrameType.reply, status, body });
}

/** Listens on a unix socket and follows the script. */
export async function startPeer({ opened, received, greets = true }: Script): Promise<Peer> {
  const directory = await mkdtemp(join(tmpdir(), 'libvirt-peer-'));
  const socket = join(directory, 'socket');
  const frames: Frame[] = [];
  const open = new Set<Socket>();
  const server: Server = createServer((client) => {
    open.add(client);
    client.on('error', () => undefined);
    opened?.(client);
    const split = frameSplitter();
    client.on('data', (chunk) => {
      for (const frame of split(chunk)) {
        const greeting = frame.program === Program.remote ? greetings.get(frame.procedure) : undefined;
        if (greets && greeting !== undefined) client.write(answerTo(frame, greeting));
        else {
          frames.push(frame);
          received?.(frame, client);
        }
      }
    });
  }).listen(socket);
  await once(server, 'listening');
  return {
    socket,
    received: frames,
    [Symbol.asyncDispose]: async () => {
      for (const client of open) client.destroy();
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Connects to a peer with patience for a test. */
export function connectTo(socket: string, options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  return RealConnection.open({
    address: { socket },
    uri: 'qemu:///system',
    window: 4,
    keepalive: { intervalMs: 5_000, count: 5 },
    handshakeTimeoutMs: 5_000,
    invitesPings: true,
    onEvent: () => undefined,
    ...options,
  });
}
