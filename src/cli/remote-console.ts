import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect, type TLSSocket } from 'node:tls';
import type { ConsoleKind, RemoteConsole } from '../activities/remote-console.ts';
import { wholeNumber } from './arguments.ts';
import type { Group } from './commands.ts';
import { examples } from './examples.ts';
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
      await typedInto(console, process.stdin, process.stdout);
    });
}

function addVnc(group: Group, session: Session): void {
  group
    .command('vnc')
    .argument('<instance>', 'id or name')
    .description("let a VNC viewer of this machine see the guest's screen, until Ctrl-C")
    .option('--port <port>', `where the viewer connects to on 127.0.0.1 (default: ${firstVncPort})`, wholeNumber)
    .addHelpText('after', examples('instance vnc web1', 'instance vnc web1 --port 5905'))
    .action(async (idOrName, { port = firstVncPort }) => {
      await opened(session, idOrName, 'vnc'); // what is wrong is said before a viewer is asked for
      const server = createServer((viewer) => void shown(session, idOrName, viewer));
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      session.terminal.note(`connect a VNC viewer to 127.0.0.1:${port}; Ctrl-C ends this`);
      await new Promise<void>((ended) => {
        const forget = session.terminal.onInterrupt(() => {
          forget();
          ended();
        });
      });
      server.close();
    });
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

/** Hands on what is typed and what is printed, until Ctrl-], the end of the input, or of the guest. */
async function typedInto(
  console: TLSSocket,
  input: Readable & { setRawMode?: (isRaw: boolean) => unknown },
  output: Writable,
): Promise<void> {
  input.setRawMode?.(true);
  const type = (typed: Buffer) => {
    const end = typed.indexOf(leave);
    console.write(end === -1 ? typed : typed.subarray(0, end));
    if (end !== -1) console.end();
  };
  const finish = () => void console.end();
  input.on('data', type).once('end', finish);
  console.on('data', (printed: Buffer) => void output.write(printed));
  try {
    await once(console, 'close');
  } finally {
    input.off('data', type).off('end', finish).pause();
    input.setRawMode?.(false);
  }
}
