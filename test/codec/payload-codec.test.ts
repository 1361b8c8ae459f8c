import { createSecretKey, randomBytes, webcrypto } from 'node:crypto';
import { defaultPayloadConverter, type Payload, type SerializationContext } from '@temporalio/common';
import proto from '@temporalio/proto';
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../src/codec/codec-error.ts';
import { type KeyRing, noKeys } from '../../src/codec/key-ring.ts';
import { payloadCodec } from '../../src/codec/payload-codec.ts';
import { encodingOf, sealedWith } from '../../src/codec/sealed.ts';
import { payloadConverter } from '../../src/payload-converter.ts';

const secret = { name: 'web1', adminPassword: 'swordfish' };
const ofWorkflow = { type: 'workflow', namespace: 'default', workflowId: 'build/web1' } as const;
const ofActivity = { type: 'activity', namespace: 'default', workflowId: 'build/web1', isLocal: false } as const;
const keys: Record<string, Buffer> = { old: randomBytes(32), new: randomBytes(32) };

/** A codec with these keys, the first of which encrypts. */
function codecWith(...ids: readonly string[]) {
  const byId = new Map(ids.map((id) => [id, createSecretKey(keys[id] ?? randomBytes(32))]));
  const [first] = byId;
  const ring: KeyRing = { current: first === undefined ? null : { id: first[0], key: first[1] }, byId };
  return payloadCodec(async () => ring);
}

const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const textOf = ({ data }: Payload): string => Buffer.from(data ?? []).toString('latin1');

async function encoded(value: unknown, codec = codecWith('new'), context: SerializationContext = ofWorkflow): Promise<Payload> {
  const [payload = {}] = await codec.encode([payloadOf(value)], context);
  return payload;
}

async function decoded(payload: Payload, codec = codecWith('new'), context: SerializationContext = ofWorkflow): Promise<unknown> {
  const [plain = {}] = await codec.decode([payload], context);
  return payloadConverter.fromPayload(plain);
}

describe('a payload with a secret', () => {
  test.for([
    ['a request', secret],
    ['the input of a step that has the request', { token: null, request: { name: 'a', userData: 'aGk=' } }],
    ['what a step hands on', { instance: {}, secrets: { files: [] } }],
    ['a secret of a wrong form', { adminPassword: { is: 'swordfish' } }],
  ])('is encrypted when it is %s, and comes back as it was', async ([, value]) => {
    const payload = await encoded(value);
    expect(encodingOf(payload)).toBe('binary/encrypted');
    expect(textOf(payload)).not.toMatch(/swordfish|userData|files/);
    expect(await decoded(payload)).toEqual(value);
  });

  test('is never encrypted to the same bytes twice', async () => {
    expect(textOf(await encoded(secret))).not.toBe(textOf(await encoded(secret)));
  });

  test('is laid out as in the samples of Temporal, for a client in another language', async () => {
    const { metadata, data } = await encoded(secret);
    expect(Buffer.from(metadata?.['encryption-key-id'] ?? []).toString()).toBe('new');
    const bytes = Uint8Array.from(data ?? []);
    const key = await webcrypto.subtle.importKey('raw', Uint8Array.from(keys['new'] ?? []), 'AES-GCM', false, ['decrypt']);
    const plain = await webcrypto.subtle.decrypt({ name: 'AES-GCM', iv: bytes.subarray(0, 12) }, key, bytes.subarray(12));
    expect(defaultPayloadConverter.fromPayload(proto.temporal.api.common.v1.Payload.decode(new Uint8Array(plain)))).toEqual(secret);
  });

  test('written in JSON with spaces, by hand, is one too', async () => {
    const [payload = {}] = await codecWith('new').encode(
      [{ metadata: payloadOf(0).metadata ?? {}, data: Buffer.from('{ "adminPassword" : "swordfish" }') }],
      ofWorkflow,
    );
    expect(sealedWith(payload)).toBe('new');
  });

  test('that names a secret and is no JSON is encrypted all the same', async () => {
    const [payload = {}] = await codecWith('new').encode(
      [{ metadata: payloadOf(0).metadata ?? {}, data: Buffer.from('{"adminPassword":') }],
      ofWorkflow,
    );
    expect(sealedWith(payload)).toBe('new');
  });
});

describe('a payload without a secret', () => {
  test.for([
    ['a plain request', { name: 'web1', flavor: 'lab.tiny', metadata: { adminPassword: 'a name of a tenant', files: 'yes' } }],
    ['a record', { id: 'x', metadata: { userData: 'a name of a tenant' } }],
    ['a memo', '10.0.0.1'],
    ['nothing', undefined],
  ])('stays readable without the codec: %s', async ([, value]) => {
    const payload = payloadOf(value);
    expect(await codecWith('new').encode([payload], ofWorkflow)).toEqual([payload]);
    expect(await codecWith('new').decode([payload], ofWorkflow)).toEqual([payload]);
  });

  test('needs no key file', async () => {
    const codec = payloadCodec(() => Promise.reject(new Error('the key file was read')));
    const payload = payloadOf({ name: 'web1' });
    expect(await codec.decode(await codec.encode([payload]))).toEqual([payload]);
  });
});

describe('keys that rotate', () => {
  test('leave old payloads readable as long as the old key stays in the file', async () => {
    const payload = await encoded(secret, codecWith('old'));
    expect(sealedWith(payload)).toBe('old');
    expect(await decoded(payload, codecWith('new', 'old'))).toEqual(secret);
    expect(sealedWith(await encoded(secret, codecWith('new', 'old')))).toBe('new');
  });

  test('and are gone leave a request that is refused by name, not a stuck run', async () => {
    const read = await decoded(await encoded(secret, codecWith('old')), codecWith('new'));
    expect(read).toEqual({ 'novaflow:undecodable': expect.stringContaining('encrypted with key "old", which this process does not have') });
  });

  test('and are gone let a step, or its result, wait for them', async () => {
    const payload = await encoded(secret, codecWith('old'));
    await expect(codecWith('new').decode([payload], ofActivity)).rejects.toThrow(CodecError);
    await expect(codecWith('new').decode([payload])).rejects.toThrow('encrypted with key "old"');
  });
});

test.for([
  ['a changed byte', (data: Uint8Array) => data.with(20, (data[20] ?? 0) ^ 1)],
  ['a byte less', (data: Uint8Array) => data.subarray(0, -1)],
  ['almost nothing left', (data: Uint8Array) => data.subarray(0, 5)],
] as const)('an encrypted payload with %s does not open', async ([, change]) => {
  const payload = await encoded(secret);
  const changed = { ...payload, data: change(Uint8Array.from(payload.data ?? [])) };
  await expect(codecWith('new').decode([changed], ofActivity)).rejects.toThrow('does not open it');
});

describe('without keys', () => {
  const codec = payloadCodec(async () => noKeys);

  test('no secret is sent, and the error says what would help', async () => {
    await expect(codec.encode([payloadOf(secret)], ofWorkflow)).rejects.toThrow(
      'adminPassword, userData, files are sent encrypted only: name a key file by codec.keyFile',
    );
  });

  test('one that came in the clear reaches the step that refuses it', async () => {
    const payload = payloadOf({ request: secret });
    expect(await codec.encode([payload], ofActivity)).toEqual([payload]);
  });
});
