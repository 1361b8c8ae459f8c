import { expect, test } from 'vitest';
import type { CodecServerRequest } from '../../src/codec/open-server.ts';
import { call, keptTerminal } from './surroundings.ts';

const server = { address: 'http://127.0.0.1:8234', endpoint: 'http://127.0.0.1:8234/token' };

/** Calls `novaflow codec-server` and presses Ctrl-C as soon as it serves. */
async function served(...options: readonly string[]) {
  const terminal = keptTerminal();
  const requests: CodecServerRequest[] = [];
  let isClosed = false;
  const serveCodec = async (request: CodecServerRequest) => {
    requests.push(request);
    setImmediate(terminal.interrupt);
    const close = async () => {
      isClosed = true;
    };
    return { ...server, [Symbol.asyncDispose]: close };
  };
  const { exitCode, out } = await call(['codec-server', ...options], { serveCodec }, terminal);
  return { exitCode, out, request: requests[0], isClosed };
}

test('a codec server prints where it is with its token, and ends with Ctrl-C', async () => {
  const { exitCode, out, request, isClosed } = await served();
  expect({ exitCode, out, isClosed }).toEqual({ exitCode: 0, out: server.endpoint, isClosed: true });
  expect(request).toMatchObject({ ip: '127.0.0.1', port: 8234, origins: ['http://127.0.0.1:8233', 'http://localhost:8233'] });
});

test('a token of a file is not printed', async () => {
  const { out, request } = await served('--token-file', '/etc/novaflow/codec.token', '--port', '0');
  expect(out).toBe(server.address);
  expect(request).toMatchObject({ tokenFile: '/etc/novaflow/codec.token', port: 0 });
});

test('pages may come from each UI that is named', async () => {
  const { request } = await served('--ui', 'https://temporal.example.org/namespaces', '--ui', 'http://10.0.0.1:8233');
  expect(request?.origins).toEqual(['https://temporal.example.org', 'http://10.0.0.1:8233']);
});
