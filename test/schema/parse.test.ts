import { expect, test } from 'vitest';
import { maxRequestBytes, parseRequest, sentenceOf } from '../../src/schema/parse.ts';
import { decisions, requests } from '../../src/schema/request.ts';
import { undecodable } from '../../src/schema/undecodable.ts';

const request = { name: 'web1', flavor: 'm1.tiny', image: 'debian' };

/** A value below `levels` objects. */
function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = { inner: value };
  return value;
}

const unfit: readonly [what: string, value: unknown, message: string][] = [
  ['no argument', undefined, 'is required: one JSON object'],
  ['null', null, 'must be one JSON object'],
  ['a list', [request], 'must be one JSON object'],
  ['text', JSON.stringify(request), 'must be one JSON object'],
  ['a number', 5, 'must be one JSON object'],
  [
    'an unknown encoding',
    undecodable('encoding binary/protobuf is not known'),
    'could not be decoded: encoding binary/protobuf is not known',
  ],
  ['a __proto__ key', JSON.parse('{"name":"web1","metadata":{"__proto__":"x"}}'), 'must not have a key "__proto__"'],
  ['a nesting of 32', { ...request, metadata: nested(32) }, 'must not be nested more than 32 deep'],
  ['a nesting that would end the stack', { ...request, metadata: nested(60_000) }, 'must not be nested more than 32 deep'],
];

test.for(unfit)('%s is refused as a whole', ([, value, message]) => {
  expect(parseRequest(requests.buildInstance, value)).toEqual({ ok: false, fields: [{ field: 'request', message }] });
});

test('an undecodable payload stays one when it passes through JSON', () => {
  const passed: unknown = JSON.parse(JSON.stringify(undecodable('why')));
  expect(parseRequest(requests.verify, passed)).toMatchObject({ fields: [{ message: 'could not be decoded: why' }] });
});

test('a request may be 128 KiB of JSON, and not a byte more', () => {
  const overhead = JSON.stringify({ reason: 'x', input: { text: '' } }).length;
  const sized = (bytes: number) => ({ reason: 'x', input: { text: 'x'.repeat(bytes - overhead) } });
  expect(parseRequest(decisions.retry, sized(maxRequestBytes)).ok).toBe(true);
  expect(parseRequest(decisions.retry, sized(maxRequestBytes + 1))).toEqual({
    ok: false,
    fields: [{ field: 'request', message: 'must be at most 131072 bytes of JSON, has 131073' }],
  });
});

test('the size of a request is counted in bytes, not in characters', () => {
  const parsed = parseRequest(decisions.retry, { reason: 'x', input: { text: 'ä'.repeat(70_000) } });
  expect(parsed).toMatchObject({ fields: [{ field: 'request', message: 'must be at most 131072 bytes of JSON, has 140034' }] });
});

test('a refusal lists 20 problems and says how many more there are', () => {
  const unknown = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`field${n}`, n]));
  const parsed = parseRequest(requests.buildInstance, { ...request, ...unknown });
  expect(parsed.ok ? [] : parsed.fields).toHaveLength(21);
  expect(parsed).toMatchObject({ fields: { 19: { field: 'field19' }, 20: { field: 'request', message: 'has 980 more problems' } } });
});

test('a refusal repeats no value that was sent', () => {
  const parsed = parseRequest(requests.buildInstance, {
    ...request,
    adminPassword: 'hunter2',
    flavor: { vcpus: 'hunter2' },
    onFailure: 'hunter2',
  });
  expect(parsed.ok).toBe(false);
  expect(JSON.stringify(parsed)).not.toContain('hunter2');
});

test('a refusal reads as one sentence', () => {
  expect(
    sentenceOf([
      { field: 'flavor.vcpus', message: 'must be a whole number from 1 to 512' },
      { field: 'zone', message: 'is not a known field' },
    ]),
  ).toBe('flavor.vcpus must be a whole number from 1 to 512; zone is not a known field');
});
