import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../src/libvirt/bytes.ts';
import { encodeFrame, type Frame, frameSplitter } from '../../src/libvirt/frame.ts';

const header = (length: string, program = '20008086', version = '00000001') =>
  Buffer.from(`${length}${program}${version}0000001700000001000000050000000000`.slice(0, 56), 'hex');

const frame: Frame = { program: 0x20008086, procedure: 23, type: 1, serial: 5, status: 0, body: Buffer.from('abcd') };
const bytes = Buffer.from('00000020 20008086 00000001 00000017 00000001 00000005 00000000 61626364'.replaceAll(' ', ''), 'hex');

test('a frame is its length, program, version, procedure, type, serial, status and body', () => {
  expect(encodeFrame(frame)).toEqual(bytes);
  expect([...frameSplitter()(bytes)]).toEqual([frame]);
});

test.for([1, 3, 4, 5, 28, 31, 33, 64])('frames come out whole when their bytes come %i at a time', (step) => {
  const split = frameSplitter();
  const stream = Buffer.concat([bytes, bytes, bytes]);
  const seen: Frame[] = [];
  for (let at = 0; at < stream.length; at += step) seen.push(...split(stream.subarray(at, at + step)));
  expect(seen).toEqual([frame, frame, frame]);
});

test('the largest frame passes in small pieces without being copied for each', () => {
  const body = Buffer.alloc(32 * 1024 * 1024 + 4 - 28, 7);
  const large = encodeFrame({ ...frame, body });
  const split = frameSplitter();
  const seen: Frame[] = [];
  for (let at = 0; at < large.length; at += 4096) seen.push(...split(large.subarray(at, at + 4096)));
  expect(seen).toHaveLength(1);
  expect(seen[0]?.body.equals(body)).toBe(true);
});

test('a body beyond libvirt’s limit is refused before it is sent', () => {
  expect(() => encodeFrame({ ...frame, body: Buffer.alloc(32 * 1024 * 1024 + 4 - 27) })).toThrow(RangeError);
});

describe('bytes that are no frame are a protocol error that says what came', () => {
  test.for<[string, Buffer, RegExp]>([
    ['the answer of a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n'), /"HTTP".*1213486160 bytes/],
    ['a length below the header’s', header('0000001b'), /27 bytes/],
    ['a length of one byte too many', header('02000005'), /33554437 bytes/],
    ['another program', header('0000001c', '20008087'), /unknown program, 0x20008087/],
    ['another version', header('0000001c', '20008086', '00000002'), /version 2/],
  ])('%s', ([, sent, says]) => {
    const read = () => [...frameSplitter()(sent)];
    expect(read).toThrow(ProtocolError);
    expect(read).toThrow(says);
  });
});
