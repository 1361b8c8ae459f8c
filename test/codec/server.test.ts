import { createSecretKey, randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sealedWith } from '../../src/codec/sealed.ts';
import { type CodecServer, startCodecServer } from '../../src/codec/server.ts';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;
const token = 'a-token-for-this-test';
const ui = 'http://127.0.0.1:8233';
const key = createSecretKey(randomBytes(32));
const keys = { current: { id: 'k1', key }, byId: new Map([['k1', key]]) };
const secret = { name: 'web1', adminPassword: 'swordfish' };

let server: CodecServer;
beforeAll(async () => {
  server = await startCodecServer({ keys, ip: '127.0.0.1', port: 0, token, origins: [ui] });
});
afterAll(() => server[Symbol.asyncDispose]());

interface Call {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A call as Temporal's own clients make it; what a test changes is what is wrong with it. */
function call({ path = `/${token}/decode`, method = 'POST', headers = {}, body = '{"payloads":[]}' }: Call = {}): Promise<Response> {
  const sent = { 'content-type': 'application/json', ...headers };
  return fetch(`${server.address}${path}`, { method, headers: sent, ...(method === 'POST' ? { body } : {}) });
}

/** Payloads there and back, in the JSON form of the protocol. */
async function exchanged(what: 'encode' | 'decode', payloads: readonly Payload[]): Promise<Payload[]> {
  const body = JSON.stringify({ payloads: payloads.map((payload) => PayloadMessage.create(payload).toJSON()) });
  const response = await call({ path: `/${token}/${what}`, body });
  const answered = (await response.json()) as { payloads: object[] };
  return answered.payloads.map((payload) => PayloadMessage.fromObject(payload));
}

test('what holds a secret is encrypted, the rest is not, and both come back as they were', async () => {
  const values = [secret, { name: 'web2' }, 'a text'];
  const encoded = await exchanged(
    'encode',
    values.map((value) => defaultPayloadConverter.toPayload(value)),
  );
  expect(encoded.map(sealedWith)).toEqual(['k1', null, null]);
  const decoded = await exchanged('decode', encoded);
  expect(decoded.map((payload) => defaultPayloadConverter.fromPayload(payload))).toEqual(values);
});

test('what no key here opens comes back as it is', async () => {
  const [foreign = {}] = await exchanged('encode', [defaultPayloadConverter.toPayload(secret)]);
  const changed = { ...foreign, data: (foreign.data ?? new Uint8Array()).slice().fill(0) };
  const [answered] = await exchanged('decode', [changed]);
  expect(answered?.data).toEqual(Buffer.from(changed.data));
  expect(answered && sealedWith(answered)).toBe('k1');
});

test.for<readonly [string, Call, number]>([
  ['with the token in its path', {}, 200],
  ['with the token as a header', { path: '/decode', headers: { authorization: `Bearer ${token}` } }, 200],
  ['from the UI', { headers: { origin: ui } }, 200],
  ['without a token', { path: '/decode' }, 401],
  ['with another token', { path: `/${token.replace('a', 'b')}/decode` }, 401],
  ['with the beginning of the token', { path: `/${token.slice(0, -1)}/decode` }, 401],
  ['from another page', { headers: { origin: 'http://evil.example' } }, 403],
  ['from a page without an address', { headers: { origin: 'null' } }, 403],
  ['of another path', { path: `/${token}/keys` }, 404],
  ['that only looks', { method: 'GET' }, 405],
  ['of a form', { headers: { 'content-type': 'text/plain' } }, 415],
  ['that is no JSON', { body: 'payloads' }, 400],
  ['that holds no payloads', { body: '{"payloads":[{"metadata":5}]}' }, 400],
  ['of 9 MiB', { body: `{"payloads":[],"more":"${'x'.repeat(9 * 1024 ** 2)}"}` }, 413],
])('a call %s is answered with %3$i', async ([, asked, status]) => {
  expect((await call(asked)).status).toBe(status);
});

describe('before a page calls, the browser asks', () => {
  const ask = { method: 'OPTIONS', path: `/${token}/decode` };

  test('and is told what the UI may send', async () => {
    const asked = { origin: ui, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-namespace' };
    const { status, headers } = await call({ ...ask, headers: asked });
    expect(status).toBe(204);
    expect(Object.fromEntries(headers)).toMatchObject({
      'access-control-allow-origin': ui,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type,x-namespace',
      vary: 'origin',
    });
  });

  test('and other pages are refused', async () => {
    const { status, headers } = await call({ ...ask, headers: { origin: 'http://127.0.0.1:8234' } });
    expect({ status, allowed: headers.get('access-control-allow-origin') }).toEqual({ status: 403, allowed: null });
  });
});
