import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { freeServerPorts, pidsListeningOn, requireFreePort } from '../../../scripts/dev-server/ports.ts';

const ip = '127.0.0.1';

async function listening(host: string): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return { port: address.port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe('a port', () => {
  test.for(['127.0.0.1', '0.0.0.0', '::'])('that is taken on %s is refused with the pid of who has it', async (host) => {
    await using server = await listening(host);
    const key = 'uiPort';
    await expect(requireFreePort({ ip, port: server.port, key })).rejects.toThrow(
      new RegExp(`^port ${server.port} is taken by pid ${process.pid} \\(.+\\): end it, or change "uiPort"$`),
    );
  });

  test('that is free passes, and stays free', async () => {
    const { port } = await freeServerPorts(ip);
    await requireFreePort({ ip, port, key: 'port' });
    expect(await pidsListeningOn(port)).toEqual([]);
  });

  test('of a connection that merely goes through it belongs to nobody', async () => {
    await using server = await listening(ip);
    const socket = connect(server.port, ip);
    await once(socket, 'connect');
    expect(await pidsListeningOn(socket.localPort ?? 0)).toEqual([]);
    socket.destroy();
    await once(socket, 'close');
  });

  test('on an address of another machine is refused with the key to change', async () => {
    await expect(requireFreePort({ ip: '192.0.2.1', port: 7233, key: 'port' })).rejects.toThrow('192.0.2.1 is no address of this machine');
  });
});

test('the two ports of a server differ', async () => {
  const { port, uiPort } = await freeServerPorts(ip);
  expect(port).not.toBe(uiPort);
});
