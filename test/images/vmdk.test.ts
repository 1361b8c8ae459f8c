import { afterAll, describe, expect, test } from 'vitest';
import { read, refusal, workshop } from './images.ts';

const shop = workshop();
afterAll(() => shop[Symbol.dispose]());

const SECTOR = 512;
const MIB = 1024 ** 2;
const sparse = shop.made('vmdk');
const streamed = shop.converted(Buffer.alloc(MIB, 'content'), 'vmdk', ['-o', 'subformat=streamOptimized']);

/** As products write it that stream: the directory's place is told in a footer, which QEMU's is not. */
function withFooter(file: Buffer, change: (footer: Buffer) => unknown = () => {}): Buffer {
  const header = Buffer.from(file.subarray(0, SECTOR));
  const [marker, end] = [Buffer.alloc(SECTOR), Buffer.alloc(SECTOR)];
  marker.writeBigUInt64LE(1n, 0);
  marker.writeUInt32LE(3, 12);
  const footer = Buffer.concat([marker, header, end]);
  change(footer);
  const body = Buffer.from(file);
  body.writeBigUInt64LE((1n << 64n) - 1n, 56);
  return Buffer.concat([body, footer]);
}

/** The file with its descriptor changed. */
function redescribed(file: Buffer, change: (text: string) => string): Buffer {
  const changed = Buffer.from(file);
  const place = changed.subarray(SECTOR, 21 * SECTOR);
  const text = change(place.subarray(0, place.indexOf(0)).toString('latin1'));
  place.fill(0);
  place.write(text, 'latin1');
  return changed;
}

describe('a VMDK', () => {
  test.for<[string, Buffer, number]>([
    ['that is sparse', sparse, 8 * MIB],
    ['for ESX', shop.made('vmdk', ['-o', 'adapter_type=lsilogic,hwversion=6']), 8 * MIB],
    ['that is stream-optimized', streamed, MIB],
    ['with its directory told at its end', withFooter(streamed), MIB],
    ['with a descriptor of other ends of lines', redescribed(sparse, (text) => text.replaceAll('\n', '\r\n')), 8 * MIB],
  ])('%s is taken with its virtual size', ([, file, virtualSizeBytes]) => {
    expect(read('vmdk', file)).toStrictEqual({ virtualSizeBytes, refusal: null });
  });

  test.for<[string, Buffer, string]>([
    ['monolithicFlat', shop.made('vmdk', ['-o', 'subformat=monolithicFlat']), 'the file is a VMDK descriptor, not vmdk'],
    ['twoGbMaxExtentSparse', shop.made('vmdk', ['-o', 'subformat=twoGbMaxExtentSparse']), 'the file is a VMDK descriptor, not vmdk'],
    ['twoGbMaxExtentFlat', shop.made('vmdk', ['-o', 'subformat=twoGbMaxExtentFlat']), 'the file is a VMDK descriptor, not vmdk'],
  ])('that QEMU makes as %s, a text that names files, is refused', ([, file, reason]) => {
    expect(refusal('vmdk', file)).toBe(reason);
  });

  test.for<[string, (file: Buffer) => unknown, string]>([
    ['version 4', (file) => file.writeUInt32LE(4, 4), 'has a version that is not known'],
    ['version 0', (file) => file.writeUInt32LE(0, 4), 'has a version that is not known'],
    ['ends of lines that were translated', (file) => file.write('\r\n \r', 73, 'latin1'), 'was damaged when it was copied as text'],
    ['no capacity', (file) => file.writeBigUInt64LE(0n, 12), 'is an empty disk'],
    ['a capacity of 8 ZiB', (file) => file.writeBigUInt64LE((1n << 64n) - 1n, 12), 'has a virtual size that cannot be'],
    ['grains of 1 KiB', (file) => file.writeBigUInt64LE(2n, 20), 'has a grain size that cannot be'],
    ['grains of no power of two', (file) => file.writeBigUInt64LE(129n, 20), 'has a grain size that cannot be'],
    ['grains of 64 MiB', (file) => file.writeBigUInt64LE(0x2_0000n, 20), 'has a grain size that cannot be'],
    ['grain tables without entries', (file) => file.writeUInt32LE(0, 44), 'has grain tables of a size that cannot be'],
    ['grain tables of 2³² entries', (file) => file.writeUInt32LE(0xffff_ffff, 44), 'has grain tables of a size that cannot be'],
    ['compression 2', (file) => file.writeUInt16LE(2, 77), 'has a compression that is not known'],
    ['compression that its flags deny', (file) => file.writeUInt16LE(1, 77), 'contradicts itself: whether it is compressed'],
    ['flags that its compression denies', (file) => file.writeUInt32LE(1 << 16, 8), 'contradicts itself: whether it is compressed'],
    ['no descriptor', (file) => file.writeBigUInt64LE(0n, 28), 'has no descriptor'],
    ['a descriptor of no size', (file) => file.writeBigUInt64LE(0n, 36), 'has no descriptor'],
    ['a descriptor far away', (file) => file.writeBigUInt64LE(1n << 40n, 28), 'has a descriptor that lies outside of its first 64 KiB'],
    [
      'a descriptor without an end',
      (file) => file.writeBigUInt64LE(1n << 40n, 36),
      'has a descriptor that lies outside of its first 64 KiB',
    ],
    ['no grain directory', (file) => file.writeBigUInt64LE(0n, 56), 'has no grain directory'],
    [
      'a grain directory behind its end',
      (file) => file.writeBigUInt64LE(1n << 32n, 56),
      'is truncated: its grain directory lies outside of the file',
    ],
    ['a footer that is not there', (file) => file.writeBigUInt64LE((1n << 64n) - 1n, 56), 'is truncated: its footer is not at its end'],
  ])('with %s is refused', ([, change, reason]) => {
    const file = Buffer.from(sparse);
    change(file);
    expect(refusal('vmdk', file)).toBe(`the vmdk image ${reason}`);
  });

  test.for<[string, (text: string) => string, string]>([
    ['a parent by name', (text) => `${text}parentFileNameHint="/etc/shadow"\n`, 'names another file'],
    ['a parent named in a comment, where QEMU finds it', (text) => `# parentFileNameHint="/etc/shadow"\n${text}`, 'names another file'],
    ['a parent by protocol', (text) => `${text}parentFileNameHint="json:{}"\n`, 'names another file'],
    ['a file of changes', (text) => `${text}changeTrackPath="disk-ctk.vmdk"\n`, 'names another file'],
    ['a parent by content', (text) => text.replace('parentCID=ffffffff', 'parentCID=12345678'), 'has a parent'],
    ['no word on its parent', (text) => text.replace('parentCID=ffffffff\n', ''), 'has a parent'],
    ['two words on its parent', (text) => `parentCID=12345678\n${text}`, 'has a parent'],
    [
      'the type monolithicFlat',
      (text) => text.replace('monolithicSparse', 'monolithicFlat'),
      'is neither monolithicSparse nor streamOptimized',
    ],
    ['the type vmfs', (text) => text.replace('monolithicSparse', 'vmfs'), 'is neither monolithicSparse nor streamOptimized'],
    ['the type custom', (text) => text.replace('monolithicSparse', 'custom'), 'is neither monolithicSparse nor streamOptimized'],
    ['two types', (text) => `createType="vmfs"\n${text}`, 'is neither monolithicSparse nor streamOptimized'],
    [
      'a type that its header denies',
      (text) => text.replace('monolithicSparse', 'streamOptimized'),
      'contradicts itself: whether it is streamOptimized',
    ],
    ['no extent', (text) => text.replace(/^RW .*$/m, ''), 'does not consist of one extent'],
    ['two extents', (text) => text.replace(/^(RW .*)$/m, '$1\nRW 1 FLAT "/etc/shadow" 0'), 'does not consist of one extent'],
    ['a flat extent', (text) => text.replace(/^RW .*$/m, 'RW 16384 FLAT "1" 0'), 'has an extent that is not sparse'],
    ['an extent of zeros', (text) => text.replace(/^RW .*$/m, 'RW 16384 ZERO'), 'has an extent that is not sparse'],
    ['an extent of ESX', (text) => text.replace(/^RW .*$/m, 'RW 16384 VMFSSPARSE "1"'), 'has an extent that is not sparse'],
    ['an extent without access', (text) => text.replace(/^RW/m, 'NOACCESS'), 'has an extent that is not to be read'],
    ['an extent with a path', (text) => text.replace(/^RW .*$/m, 'RW 16384 SPARSE "/etc/shadow"'), 'has an extent with a path'],
    ['an extent with a way up', (text) => text.replace(/^RW .*$/m, 'RW 16384 SPARSE "..\\1"'), 'has an extent with a path'],
    ['an extent by json:', (text) => text.replace(/^RW .*$/m, 'RW 16384 SPARSE "json:{}"'), 'has an extent with a path'],
    ['an extent by protocol', (text) => text.replace(/^RW .*$/m, 'RW 16384 SPARSE "nbd:127.0.0.1"'), 'has an extent with a path'],
    ['an extent without a name', (text) => text.replace(/^RW .*$/m, 'RW 16384 SPARSE ""'), 'has an extent with a path'],
    ['an extent of another size', (text) => text.replace(/^RW \d+/m, 'RW 99999'), 'contradicts itself: how large it is'],
    ['an extent that cannot be read', (text) => text.replace(/^RW .*$/m, 'RW many SPARSE "1"'), 'has an extent that cannot be read'],
  ])('whose descriptor has %s is refused', ([, change, reason]) => {
    expect(refusal('vmdk', redescribed(sparse, change))).toBe(`the vmdk image ${reason}`);
  });

  test.for<[string, (footer: Buffer) => unknown]>([
    ['with another capacity', (footer) => footer.writeBigUInt64LE(0n, SECTOR + 12)],
    ['with another descriptor', (footer) => footer.writeBigUInt64LE(99n, SECTOR + 28)],
    ['without its marker', (footer) => footer.writeUInt32LE(2, 12)],
    ['without the marker of the end', (footer) => footer.writeUInt32LE(1, 2 * SECTOR + 12)],
    ['of another kind', (footer) => footer.write('COWD', SECTOR, 'latin1')],
  ])('with a footer %s is refused', ([, change]) => {
    expect(refusal('vmdk', withFooter(streamed, change))).toBe('the vmdk image is truncated: its footer is not at its end');
  });

  test('whose directory is told behind its end is refused', () => {
    const file = withFooter(streamed, (footer) => footer.writeBigUInt64LE(1n << 32n, SECTOR + 56));
    expect(refusal('vmdk', file)).toBe('the vmdk image is truncated: its grain directory lies outside of the file');
  });

  test.for([
    [4, 'the vmdk image is truncated: it ends within its header'],
    [78, 'the vmdk image is truncated: it ends within its header'],
    [600, 'the vmdk image is truncated: its grain directory lies outside of the file'],
    [0, 'the file is empty'],
  ] as const)('of which %i bytes are left is refused', ([length, reason]) => {
    expect(refusal('vmdk', sparse.subarray(0, length))).toBe(reason);
  });

  test('is not what another format is called', () => {
    expect(refusal('vmdk', shop.made('qcow2'))).toBe('the file is a qcow2 image, not vmdk');
    expect(refusal('vmdk', Buffer.alloc(MIB))).toBe('the file is not vmdk');
    expect(refusal('qcow2', sparse)).toBe('the file is a VMDK image, not qcow2');
  });
});
