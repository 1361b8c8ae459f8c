import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connectLibvirt } from '../../src/libvirt/client.ts';
import { ConnectionLost, LibvirtError } from '../../src/libvirt/errors.ts';
import { encodeFrame, FrameType, Program, Status } from '../../src/libvirt/frame.ts';
import { procedures } from '../../src/libvirt/procedures.ts';
import { answerTo, connectTo, startPeer } from './peer.ts';

const yes = Buffer.from('00000001', 'hex');
const isActive = (connection: Awaited<ReturnType<typeof connectTo>>, id = 1) =>
  connection.call('domainIsActive', procedures.domainIsActive, { dom: { uuid: '01234567-89ab-cdef-0123-456789abcdef', id } });

/** The id that a call of `isActive` carries: the last word of its body. */
const idOf = (body: Buffer) => body.readInt32BE(body.length - 4);

test('a call is answered with its result', async () => {
  await using peer = await startPeer({ received: (call, socket) => socket.write(answerTo(call, yes)) });
  const connection = await connectTo(peer.socket);
  expect(await isActive(connection)).toBe(true);
  connection.close();
});

test('no more than four calls are in flight, and the others follow in order', async () => {
  await using peer = await startPeer({});
  const connection = await connectTo(peer.socket);
  const calls = Array.from({ length: 10 }, (_, id) => isActive(connection, id));
  calls.map((call) => call.catch(() => undefined));
  await expect.poll(() => peer.received.length).toBe(4);
  expect(peer.received.map(({ body }) => idOf(body))).toEqual([0, 1, 2, 3]);
  connection.close();
  const outcomes = await Promise.all(calls.map((call) => call.catch((error: ConnectionLost) => error.outcome)));
  expect(outcomes).toEqual([...Array(4).fill('unknown'), ...Array(6).fill('not started')]);
});

test('a freed place in the window goes to the call that waited longest', async () => {
  await using peer = await startPeer({ received: (call, socket) => socket.write(answerTo(call, yes)) });
  const connection = await connectTo(peer.socket, { window: 1 });
  await Promise.all(Array.from({ length: 50 }, (_, id) => isActive(connection, id)));
  expect(peer.received.map(({ body }) => idOf(body))).toEqual(Array.from({ length: 50 }, (_, id) => id));
  connection.close();
});

test('what libvirt refuses is an error with its code and the connection goes on', async () => {
  const noDomain = '0000002a 0000000a 00000001 00000002 6e6f0000 00000002 00000000 00000000 00000000 00000000 ffffffff ffffffff 00000000';
  const body = Buffer.from(noDomain.replaceAll(' ', ''), 'hex');
  await using peer = await startPeer({ received: (call, socket) => socket.write(answerTo(call, body, Status.error)) });
  const connection = await connectTo(peer.socket);
  const error = await isActive(connection).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(LibvirtError);
  expect(error).toMatchObject({ code: 42, domain: 10, level: 2, procedure: 'domainIsActive', message: 'domainIsActive: no' });
  expect(connection.state).toBe('ready');
  connection.close();
});

describe('an answer that does not fit closes the connection and leaves the outcome unknown', () => {
  test.for<[string, (call: Parameters<typeof answerTo>[0]) => Buffer, RegExp]>([
    ['too short', (call) => answerTo(call, Buffer.alloc(2)), /ends early/],
    ['too long', (call) => answerTo(call, Buffer.alloc(8)), /4 bytes more/],
    ['to a serial that was not asked', (call) => answerTo({ ...call, serial: 999 }, yes), /serial 999/],
    ['of a type that is none', (call) => encodeFrame({ ...call, type: 77 }), /type 77/],
    ['with a length beyond the limit', () => Buffer.from('7fffffff', 'hex'), /does not speak libvirt's protocol/],
    ['with a length below the header', () => Buffer.from('00000003', 'hex'), /does not speak libvirt's protocol/],
    ['an error that cannot be read', (call) => answerTo(call, Buffer.alloc(3), Status.error), /ends early/],
  ])('%s', async ([, reply, says]) => {
    await using peer = await startPeer({ received: (call, socket) => socket.write(reply(call)) });
    const connection = await connectTo(peer.socket);
    const error = await isActive(connection).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectionLost);
    expect(error).toMatchObject({ outcome: 'unknown', message: expect.stringMatching(says) });
    expect(connection.state).toBe('closed');
    await expect(isActive(connection)).rejects.toMatchObject({ outcome: 'not started' });
  });
});

test('a web server at the address is recognised', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'libvirt-http-'));
  const server = createServer().listen(join(directory, 'socket'));
  await once(server, 'listening');
  await expect(connectTo(join(directory, 'socket'))).rejects.toThrow(/does not speak libvirt's protocol: its message begins with "HTTP"/);
  server.close();
  await rm(directory, { recursive: true });
});

test('a peer that accepts and says nothing is given up', async () => {
  await using peer = await startPeer({ greets: false });
  await expect(connectTo(peer.socket, { handshakeTimeoutMs: 50 })).rejects.toThrow(/did not greet within 50 ms/);
});

test('a daemon that asks for SASL is refused with the way out', async () => {
  const sasl = Buffer.from('0000000100000001', 'hex');
  await using peer = await startPeer({ greets: false, received: (call, socket) => socket.write(answerTo(call, sasl)) });
  await expect(connectTo(peer.socket)).rejects.toThrow(/asks for SASL; run as root, or set auth_unix_rw/);
});

test('the daemon’s pings are answered', async () => {
  const ping = { program: Program.keepalive, procedure: 1, type: FrameType.message, serial: 0, status: Status.ok, body: Buffer.alloc(0) };
  await using peer = await startPeer({ opened: (socket) => socket.write(encodeFrame(ping)) });
  const connection = await connectTo(peer.socket);
  await expect.poll(() => peer.received).toEqual([{ ...ping, procedure: 2 }]);
  connection.close();
});

test('a peer that stays silent for every ping of the budget is cut off', async () => {
  await using peer = await startPeer({});
  const connection = await connectTo(peer.socket, { keepalive: { intervalMs: 10, count: 3 } });
  const pending = isActive(connection);
  await expect(pending).rejects.toMatchObject({ outcome: 'unknown', message: expect.stringContaining('silent for 3 pings') });
  expect(peer.received.filter(({ program }) => program === Program.keepalive)).toHaveLength(3);
});

test('any byte from the peer renews the budget of pings', async () => {
  const event = { program: Program.remote, procedure: 9999, type: FrameType.message, serial: 0, status: Status.ok, body: Buffer.alloc(0) };
  await using peer = await startPeer({
    received: ({ program }, socket) => {
      if (program === Program.keepalive) socket.write(encodeFrame(event)); // Not a pong: anything will do.
    },
  });
  const connection = await connectTo(peer.socket, { keepalive: { intervalMs: 10, count: 2 } });
  await expect.poll(() => peer.received.length).toBeGreaterThan(10);
  expect(connection.state).toBe('ready');
  connection.close();
});

test('a call for a daemon that cannot be reached waits, then says that it did not start', async () => {
  await using libvirt = connectLibvirt({ socket: '/no/such/socket', reconnectWaitMs: 50 });
  const error = await libvirt.connectGetHostname().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ outcome: 'not started', message: expect.stringMatching(/\/no\/such\/socket.*ENOENT/) });
});

test('a call begun while the daemon is away is answered once it is back', async () => {
  let opened = 0;
  const hostname = Buffer.from('00000001 61000000'.replace(' ', ''), 'hex');
  await using peer = await startPeer({
    opened: (socket) => {
      opened += 1;
      if (opened === 1) socket.destroy();
    },
    received: (call, socket) => socket.write(answerTo(call, hostname)),
  });
  await using libvirt = connectLibvirt({ socket: peer.socket });
  expect(await libvirt.connectGetHostname()).toBe('a');
  expect(opened).toBe(2);
});

test('closing the client settles every call and refuses later ones', async () => {
  await using peer = await startPeer({});
  const libvirt = connectLibvirt({ socket: peer.socket });
  const calls = Array.from({ length: 6 }, () => libvirt.connectGetHostname().catch((error: ConnectionLost) => error.outcome));
  await expect.poll(() => peer.received.length).toBe(4);
  await libvirt.close();
  expect(await Promise.all(calls)).toEqual([...Array(4).fill('unknown'), ...Array(2).fill('not started')]);
  await expect(libvirt.connectGetHostname()).rejects.toMatchObject({ outcome: 'not started' });
});
