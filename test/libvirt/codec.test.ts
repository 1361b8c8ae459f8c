import { describe, expect, test } from 'vitest';
import { emptySink, ProtocolError, sourceOf, written } from '../../src/libvirt/bytes.ts';
import {
  bool,
  characters,
  counted,
  double,
  flags,
  hyper,
  int,
  list,
  opaque,
  optional,
  string,
  struct,
  uint,
  unsignedHyper,
  uuid,
  type Xdr,
} from '../../src/libvirt/codec.ts';
import { domain, remoteError, type TypedParam, typedParams, valuesOf } from '../../src/libvirt/structs.ts';

function encode<Given>(notation: Xdr<unknown, Given>, value: Given): string {
  const sink = emptySink();
  notation.write(sink, value);
  return written(sink).toString('hex');
}

function decode<Value>(notation: Xdr<Value, never>, hex: string): Value {
  return notation.read(sourceOf(Buffer.from(hex.replaceAll(' ', ''), 'hex')));
}

/** A notation, a value, and its bytes typed by hand from RFC 4506 and libvirt's protocol definition. */
const samples: readonly (readonly [string, Xdr<unknown, never>, unknown, string])[] = [
  ['int', int, -2, 'fffffffe'],
  ['uint', uint, 4294967295, 'ffffffff'],
  ['flags', flags, 5, '00000005'],
  ['hyper', hyper, -2n, 'fffffffffffffffe'],
  ['unsigned hyper', unsignedHyper, 18446744073709551615n, 'ffffffffffffffff'],
  ['double', double, 1.5, '3ff8000000000000'],
  ['truth value', bool, true, '00000001'],
  ['string, padded', string, 'héé', '00000005 68c3a9c3 a9000000'],
  ['empty string', string, '', '00000000'],
  ['string of whole words', string, 'abcd', '00000004 61626364'],
  ['opaque', opaque, Buffer.from([1, 2, 3]), '00000003 01020300'],
  ['UUID', uuid, '01234567-89ab-cdef-0123-456789abcdef', '0123456789abcdef0123456789abcdef'],
  ['characters', characters(3), 'ab', '00000061 00000062 00000000'],
  ['optional that is none', optional(int), null, '00000000'],
  ['optional that is some', optional(int), 7, '00000001 00000007'],
  ['list', list(int), [1, 2], '00000002 00000001 00000002'],
  ['counted list', counted(int), [9], '00000001 00000009 00000001'],
  ['struct', struct({ a: int, b: string }), { a: 1, b: 'x' }, '00000001 00000001 78000000'],
  [
    'domain',
    domain,
    { name: 'a', uuid: '01234567-89ab-cdef-0123-456789abcdef', id: -1 },
    '00000001 61000000 0123456789abcdef0123456789abcdef ffffffff',
  ],
];

describe('each notation writes and reads the bytes of the protocol', () => {
  test.for(samples)('%s', ([, notation, value, hex]) => {
    expect(encode(notation, value as never)).toBe(hex.replaceAll(' ', ''));
    expect(decode(notation, hex)).toEqual(value);
  });
});

const params: readonly TypedParam[] = [
  { field: 'a', type: 'int', value: -1 },
  { field: 'b', type: 'uint', value: 1 },
  { field: 'c', type: 'llong', value: -1n },
  { field: 'd', type: 'ullong', value: 1n },
  { field: 'e', type: 'double', value: 1.5 },
  { field: 'f', type: 'boolean', value: true },
  { field: 'g', type: 'string', value: 'x' },
];

test('typed parameters carry libvirt’s number of their type', () => {
  const hex = [
    '00000007',
    '00000001 61000000 00000001 ffffffff',
    '00000001 62000000 00000002 00000001',
    '00000001 63000000 00000003 ffffffffffffffff',
    '00000001 64000000 00000004 0000000000000001',
    '00000001 65000000 00000005 3ff8000000000000',
    '00000001 66000000 00000006 00000001',
    '00000001 67000000 00000007 00000001 78000000',
  ].join(' ');
  expect(encode(typedParams, params)).toBe(hex.replaceAll(' ', ''));
  expect(decode(typedParams, hex)).toEqual(params);
  expect(valuesOf(params).get('d')).toBe(1n);
});

test('what is left out of a struct stands as its default', () => {
  expect(encode(domain, { uuid: '01234567-89ab-cdef-0123-456789abcdef' })).toBe(`00000000${'0123456789abcdef'.repeat(2)}ffffffff`);
  expect(encode(struct({ why: optional(string), flags }), {})).toBe('0000000000000000');
});

test('flags keep bit 31, which JavaScript makes negative', () => {
  expect(encode(flags, (1 << 31) | 1)).toBe('80000001');
});

test('an error is read with everything libvirt says', () => {
  const hex = '0000002a 0000000a 00000001 00000002 6e6f0000 00000002 00000000 00000000 00000000 00000000 ffffffff fffffffe 00000000';
  expect(decode(remoteError, hex)).toMatchObject({
    code: 42,
    domain: 10,
    message: 'no',
    level: 2,
    dom: null,
    int1: -1,
    int2: -2,
    network: null,
  });
});

describe('a value that does not fit the wire is refused before anything is sent', () => {
  const refusals: readonly (readonly [string, Xdr<unknown, never>, unknown])[] = [
    ['a fraction', int, 1.5],
    ['not a number', uint, Number.NaN],
    ['a negative unsigned', uint, -1],
    ['a number over 32 bits', int, 2 ** 31],
    ['a number over 64 bits', unsignedHyper, 2n ** 64n],
    ['text with a NUL', string, 'a\0b'],
    ['text over 4 MiB', string, 'x'.repeat(4 * 1024 * 1024 + 1)],
    ['a UUID too short', uuid, '01234567-89ab-cdef-0123'],
    ['a UUID with a path in it', uuid, '../../../../../../../../etc/passwd/x'],
    ['a field that is missing', struct({ a: int }), {}],
  ];
  test.for(refusals)('%s', ([, notation, value]) => {
    expect(() => encode(notation, value as never)).toThrow(RangeError);
  });
});

describe('bytes that lie are a protocol error, and nothing is allocated for them', () => {
  const lies: readonly (readonly [string, Xdr<unknown, never>, string])[] = [
    ['an integer cut short', int, '0000'],
    ['a string longer than its message', string, 'ffffffff 61626364'],
    ['a list of 4 billion', list(int), 'ffffffff 00000001'],
    ['a typed parameter of no known type', typedParams, '00000001 00000001 61000000 00000009 00000000'],
  ];
  test.for(lies)('%s', ([, notation, hex]) => {
    expect(() => decode(notation, hex)).toThrow(ProtocolError);
  });
});
