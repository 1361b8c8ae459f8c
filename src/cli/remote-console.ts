import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect, type TLSSocket } from 'node:tls';
import type { ConsoleKind, RemoteConsole } from '../activities/remote-console.ts';
import { wholeNumber } from './arguments.ts';
import type { Group } from './commands.ts';
import { examples } from './examples.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { resultOf } from './follow.ts';
import type { Session } from './session.ts';

/** Adds `novaflow instance console` and `novaflow instance vnc`. */
export function addRemoteConsoleCommands(group: Group, session: Session): void {
  addConsole(group, session);
  addVnc(group, session);
}

/** Ctrl-], as telnet and virsh have it. */
const leave = 0x1d;
const firstVncPort = 5900;

function addConsole(group: Group, session: Session): void {
  group
    .command('console')
    .argument('<instance>', 'id or name')
    .description("be at the guest's serial console; Ctrl-] leaves it")
    .addHelpText('after', examples('instance console web1'))
    .action(async (idOrName) => {
      const console = await connected(await opened(session, idOrName, 'serial'));
      session.terminal.note(`at the console of ${idOrName}; Ctrl-] leaves it`);
      const isLeft = await typedInto(console, process.stdin, process.stdout);
      session.terminal.note(isLeft ? '\nleft the console' : '\nthe console was closed: the guest ended, or somebody else took it');
    });
}

function addVnc(group: Group, session: Session): void {
  group
    .command('vnc')
    .argument('<instance>', 'id or name')
    .description(
      "let VNC viewers of this machine see the guest's screen, until Ctrl-C; a guest has one when its image names a hw_video_model, or when vnc.enabled is on for its host",
    )
    .option('--port <port>', `where viewers connect to on 127.0.0.1 (default: the first free one from ${firstVncPort})`, wholeNumber)
    .addHelpText('after', examples('instance vnc web1', 'instance vnc web1 --port 5905'))
    .action(async (idOrName, { port: wanted }) => {
      await opened(session, idOrName, 'vnc'); // what is wrong is said before a viewer is asked for
      const viewers = new Set<Socket>();
      const server = createServer((viewer) => {
        viewers.add(viewer.once('close', () => viewers.delete(viewer)));
        void shown(session, idOrName, viewer);
      });
      const port = await listening(server, wanted);
      session.terminal.note(`connect a VNC viewer to 127.0.0.1:${port}; Ctrl-C ends this`);
      await new Promise<void>((ended) => {
        const forget = session.terminal.onInterrupt(() => {
          forget();
          ended();
        });
      });
      server.close();
      for (const viewer of viewers) viewer.destroy();
    });
}

/** Listens on the port that is wanted, or else on the first free one. */
async function listening(server: Server, wanted: number | undefined): Promise<number> {
  for (let port = wanted ?? firstVncPort; ; port += 1) {
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return port;
    } catch (error) {
      if (errnoOf(error) === 'EADDRINUSE' && wanted === undefined) continue;
      const why = error instanceof Error ? error.message : String(error);
      throw new CommandError(exitCodes.refused, `viewers cannot connect to port ${port}: ${why}`, { cause: error });
    }
  }
}

function errnoOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}

/** A viewer that leaves, and a guest that ends, end the connection and no more. */
async function shown(session: Session, idOrName: string, viewer: Socket): Promise<void> {
  viewer.on('error', () => {}); // it may leave before the screen is open
  try {
    const screen = await connected(await opened(session, idOrName, 'vnc'));
    await pipeline(viewer, screen, viewer);
  } catch (error) {
    viewer.destroy();
    session.terminal.note(`a viewer was let go: ${error instanceof Error ? error.message : error}`);
  }
}

async function opened(session: Session, idOrName: string, kind: ConsoleKind): Promise<RemoteConsole> {
  const cloud = await session.cloud();
  const instanceId = await cloud.idOf('instance', idOrName);
  return (await resultOf(session, await cloud.start('openConsole', idOrName, { instanceId, kind }))) as RemoteConsole;
}

/** Connects with the key that was given: a host that has it needs no certificate. */
export async function connected({ address, port, cipher, identity, presharedKey }: RemoteConsole): Promise<TLSSocket> {
  const socket = connect({
    host: address,
    port,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    ciphers: cipher,
    pskCallback: () => ({ psk: Buffer.from(presharedKey, 'hex'), identity }),
    checkServerIdentity: () => undefined,
  });
  await once(socket, 'secureConnect');
  return socket;
}

/** Hands on what is typed and what is printed, until Ctrl-], the end of the input, or of the guest. False: it ended by itself. */
async function typedInto(
  console: TLSSocket,
  input: Readable & { setRawMode?: (isRaw: boolean) => unknown },
  output: Writable,
): Promise<boolean> {
  let isLeft = false;
  const finish = () => {
    isLeft = true;
    console.end();
  };
  input.setRawMode?.(true);
  const type = (typed: Buffer) => {
    const end = typed.indexOf(leave);
    console.write(end === -1 ? typed : typed.subarray(0, end));
    if (end !== -1) finish();
  };
  input.on('data', type).once('end', finish);
  console.on('data', (printed: Buffer) => void output.write(printed));
  try {
    await once(console, 'close');
    return isLeft;
  } finally {
    input.off('data', type).off('end', finish).pause();
    input.setRawMode?.(false);
  }
}
