import { afterAll, describe, expect, test } from 'vitest';
import { read, refusal, workshop } from './images.ts';

const shop = workshop();
afterAll(() => shop[Symbol.dispose]());

const DESCRIPTOR = 0x8000;
const cd = shop.iso();

describe('an ISO 9660 image', () => {
  test('is as large as its file', () => {
    expect(read('iso', cd)).toStrictEqual({ virtualSizeBytes: cd.length, refusal: null });
  });

  test('may be made for disks, too: with a partition table, and longer than its volume', () => {
    const hybrid = Buffer.concat([cd, Buffer.alloc(2 ** 20)]);
    hybrid.write('\x55\xaa', 510, 'latin1');
    expect(read('iso', hybrid)).toStrictEqual({ virtualSizeBytes: hybrid.length, refusal: null });
  });

  test('may be without padding', () => {
    expect(refusal('iso', shop.iso(['-no-pad']))).toBeNull();
  });

  test.for<[string, (file: Buffer) => unknown, string]>([
    ['another descriptor first', (file) => file.writeUInt8(2, DESCRIPTOR), 'does not begin with a primary volume descriptor'],
    [
      'sizes that differ',
      (file) => file.writeUInt32BE(1, DESCRIPTOR + 84),
      'contradicts itself: its size differs between the two orders of bytes',
    ],
    [
      'block sizes that differ',
      (file) => file.writeUInt16BE(1, DESCRIPTOR + 130),
      'contradicts itself: its size differs between the two orders of bytes',
    ],
    [
      'blocks of 3 bytes',
      (file) => {
        file.writeUInt16LE(3, DESCRIPTOR + 128);
        file.writeUInt16BE(3, DESCRIPTOR + 130);
      },
      'has a block size that cannot be',
    ],
    ['no blocks', (file) => file.fill(0, DESCRIPTOR + 80, DESCRIPTOR + 88), 'is an empty volume'],
    [
      'more blocks than it has',
      (file) => file.fill(0xff, DESCRIPTOR + 80, DESCRIPTOR + 88),
      'is truncated: its volume is larger than the file',
    ],
  ])('with %s is refused', ([, change, reason]) => {
    const file = Buffer.from(cd);
    change(file);
    expect(refusal('iso', file)).toBe(`the iso image ${reason}`);
  });

  test.for([
    [DESCRIPTOR + 6, 'the iso image is truncated: it ends within its volume descriptor'],
    [100_000, 'the iso image is truncated: its volume is larger than the file'],
    [DESCRIPTOR, 'the file is not iso'],
    [0, 'the file is empty'],
  ] as const)('of which %i bytes are left is refused', ([length, reason]) => {
    expect(refusal('iso', cd.subarray(0, length))).toBe(reason);
  });

  test('is not what another format is called', () => {
    expect(refusal('iso', shop.made('qcow2'))).toBe('the file is a qcow2 image, not iso');
    expect(refusal('iso', Buffer.alloc(2 ** 20))).toBe('the file is not iso');
    expect(refusal('raw', cd)).toBe('the file is an ISO 9660 image, not raw');
  });
});
