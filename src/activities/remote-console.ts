import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Config } from '../config.ts';
import { ConsoleFlag, type Libvirt } from '../libvirt/index.ts';
import { childrenOf, descendantsOf, rootOf } from '../model/xml-tree.ts';
import { listening } from './free-port.ts';
import { guestOf, isOff } from './guest.ts';
import { fail } from './record-client.ts';

/** What is looked at: the first serial port, or the screen. */
export type ConsoleKind = 'serial' | 'vnc';

/** Where one connection to a console is taken, and the key of it. */
export interface RemoteConsole {
  readonly kind: ConsoleKind;
  readonly address: string;
  readonly port: number;
  /** TLS 1.2 with this pre-shared key: both ends prove that they know it, and nobody listens in. */
  readonly cipher: string;
  readonly identity: string;
  /** Hexadecimal. */
  readonly presharedKey: string;
  /** Nobody is let in later; who is in by then stays. */
  readonly expiresAt: string;
}

export interface RemoteConsoleActivities {
  /**
   * Opens a port of this host for one connection to the console of a guest that is on, for a minute. Taken once more, a serial
   * console leaves who had it before. Repeatable: each attempt opens a port of its own. Raises `InvalidState`.
   */
  openRemoteConsole(input: { instanceId: string; kind: ConsoleKind }): Promise<RemoteConsole>;
}

const openMs = 60_000;
/** Of the ciphers with a pre-shared key, the one whose sessions stay secret when the key becomes known later. */
const cipher = 'ECDHE-PSK-CHACHA20-POLY1305';
const keyBytes = 32;

export function remoteConsoleActivities(
  { host: { address }, consolePorts }: Pick<Config, 'host' | 'consolePorts'>,
  libvirt: Libvirt,
): RemoteConsoleActivities {
  return {
    openRemoteConsole: async ({ instanceId, kind }) => {
      if (isOff(await guestOf(libvirt, instanceId).state())) {
        throw fail('InvalidState', 'the guest is off: it has no console', { vmState: 'stopped', taskState: null });
      }
      const open = kind === 'serial' ? () => serialConsole(libvirt, instanceId) : await screenOf(libvirt, instanceId);
      const key = randomBytes(keyBytes);
      const server = createServer({
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.2',
        ciphers: cipher,
        pskCallback: (_socket, identity) => (identity === instanceId ? key : null),
      });
      const port = await listening(server, consolePorts, 'consolePorts');
      const expiresAt = new Date(Date.now() + openMs).toISOString();
      void serveOnce(server, open);
      return { kind, address, port, cipher, identity: instanceId, presharedKey: key.toString('hex'), expiresAt };
    },
  };
}

/** Lets one in, and nobody after the time. An end that breaks off ends the other. */
async function serveOnce(server: Server, open: () => Promise<Duplex>): Promise<void> {
  const over = new AbortController();
  // A stranger who cannot prove the key is no reason to close; and no error of a console may end the worker.
  server.on('tlsClientError', () => {}).on('error', () => {});
  const came: Promise<TLSSocket | null> = once(server, 'secureConnection', { signal: over.signal }).then(
    ([socket]) => socket,
    () => null,
  );
  const client = await Promise.race([came, setTimeout(openMs, null, { ref: false, signal: over.signal }).catch(() => null)]);
  over.abort();
  server.close();
  if (client === null) return;
  client.on('error', () => {}); // it may break off before the console is open
  try {
    const console = await open();
    await pipeline(client, console, client);
  } catch {
    client.destroy(); // what broke off was seen at the other end
  }
}

function serialConsole(libvirt: Libvirt, uuid: string): Promise<Duplex> {
  return libvirt.openConsole({ dom: { uuid }, flags: ConsoleFlag.force });
}

/** The way to a guest's VNC server, which listens on this host only. */
async function screenOf(libvirt: Libvirt, uuid: string): Promise<() => Promise<Duplex>> {
  const [devices] = descendantsOf(rootOf(await libvirt.domainGetXmlDesc({ dom: { uuid } })), 'devices');
  const screen =
    devices === undefined
      ? undefined
      : childrenOf(devices).find(({ name, attributes }) => name === 'graphics' && attributes['type'] === 'vnc');
  const { port, listen } = screen?.attributes ?? {};
  if (port === undefined || listen === undefined) {
    throw fail('InvalidState', 'the guest has no screen: its image names no hw_video_model, and vnc.enabled is off', {
      vmState: 'active',
      taskState: null,
    });
  }
  return async () => {
    const socket = connect(Number(port), listen);
    await once(socket, 'connect');
    return socket;
  };
}
