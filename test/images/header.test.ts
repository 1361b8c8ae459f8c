import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { imageHeadBytes } from '../../src/images/verdict.ts';
import type { ImageFormat } from '../../src/model/image.ts';
import { read, refusal, withBytes, workshop } from './images.ts';

const shop = workshop();
const { made, directory } = shop;
afterAll(() => shop[Symbol.dispose]());

const MIB = 1024 ** 2;

describe('a qcow2 image', () => {
  test.for([
    ['of today', []],
    ['of version 2', ['-o', 'compat=0.10']],
    ['with small clusters', ['-o', 'cluster_size=512']],
    ['with large clusters', ['-o', 'cluster_size=2M']],
    ['compressed by zstd', ['-o', 'compression_type=zstd']],
    ['with extended L2 entries', ['-o', 'extended_l2=on,cluster_size=128k']],
    ['with its metadata preallocated', ['-o', 'preallocation=metadata']],
  ] as const)('%s is taken with its virtual size', ([, options]) => {
    expect(read('qcow2', made('qcow2', options))).toStrictEqual({ virtualSizeBytes: 8 * MIB, refusal: null });
  });

  test('that QEMU makes over a base is refused', () => {
    const base = join(directory, 'base.raw');
    writeFileSync(base, Buffer.alloc(MIB));
    expect(refusal('qcow2', made('qcow2', ['-F', 'raw', '-b', base]))).toBe('the qcow2 image has a backing file');
  });

  test('that QEMU makes with its data in another file is refused', () => {
    const file = made('qcow2', ['-o', `data_file=${join(directory, 'data.raw')}`]);
    expect(refusal('qcow2', file)).toBe('the qcow2 image keeps its data in another file');
  });

  test.for<[string, (file: Buffer) => unknown, string]>([
    // Crafted: QEMU measures for seconds how fast it can derive a key before it makes an encrypted image.
    ['LUKS encryption', (file) => file.writeUInt32BE(2, 32), 'is encrypted'],
    ['AES encryption', (file) => file.writeUInt32BE(1, 32), 'is encrypted'],
    ['an unknown feature', (file) => file.writeBigUInt64BE(1n << 40n, 72), 'uses features that are not known'],
    ['the dirty mark', (file) => file.writeBigUInt64BE(1n, 72), 'was not closed cleanly; `qemu-img check -r all` repairs it'],
    ['the corrupt mark', (file) => file.writeBigUInt64BE(2n, 72), 'is marked corrupt'],
    ['version 1', (file) => file.writeUInt32BE(1, 4), 'has version 1, known are 2 and 3'],
    ['version 4', (file) => file.writeUInt32BE(4, 4), 'has version 4, known are 2 and 3'],
    ['clusters of 256 bytes', (file) => file.writeUInt32BE(8, 20), 'has a cluster size outside of 512 bytes to 2 MiB'],
    ['clusters of 4 GiB', (file) => file.writeUInt32BE(32, 20), 'has a cluster size outside of 512 bytes to 2 MiB'],
    ['128-bit reference counts', (file) => file.writeUInt32BE(7, 96), 'has reference counts of more than 64 bits'],
    ['a short header', (file) => file.writeUInt32BE(96, 100), 'has a header length that cannot be'],
    ['no size', (file) => file.writeBigUInt64BE(0n, 24), 'is an empty disk'],
    ['a size of 16 EiB', (file) => file.writeBigUInt64BE((1n << 64n) - 1n, 24), 'has a virtual size that cannot be'],
    [
      'a size beyond its L1 table',
      (file) => file.writeBigUInt64BE(1n << 50n, 24),
      'has an L1 table that is too small for its virtual size',
    ],
    ['an L1 table behind its end', (file) => file.writeBigUInt64BE(1n << 40n, 40), 'is truncated: its L1 table lies outside of the file'],
    ['an L1 table between clusters', (file) => file.writeBigUInt64BE(8n, 40), 'is truncated: its L1 table lies outside of the file'],
    ['an L1 table without an end', (file) => file.writeUInt32BE(0xffff_ffff, 36), 'has an L1 table larger than 32 MiB'],
    ['an L1 table of 32 MiB', (file) => file.writeUInt32BE(4_194_304, 36), 'is truncated: its L1 table lies outside of the file'],
    ['no refcount table', (file) => file.writeUInt32BE(0, 56), 'has no refcount table'],
    ['a refcount table without an end', (file) => file.writeUInt32BE(0xffff_ffff, 56), 'has a refcount table larger than 8 MiB'],
    [
      'a refcount table at its header',
      (file) => file.writeBigUInt64BE(0n, 48),
      'is truncated: its refcount table lies outside of the file',
    ],
    ['snapshots without an end', (file) => file.writeUInt32BE(0xffff_ffff, 60), 'has more than 65,536 snapshots'],
    [
      'a snapshot behind its end',
      (file) => [file.writeUInt32BE(1, 60), file.writeBigUInt64BE(1n << 40n, 64)],
      'is truncated: its snapshot table lies outside of the file',
    ],
    [
      'extended L2 entries in small clusters',
      (file) => [file.writeUInt32BE(13, 20), file.writeBigUInt64BE(16n, 72)],
      'has clusters that are too small for extended L2 entries',
    ],
    ['compression 2', (file) => [file.writeBigUInt64BE(8n, 72), file.writeUInt8(2, 104)], 'has a compression that is not known'],
    ['compression by zlib that is marked', (file) => file.writeBigUInt64BE(8n, 72), 'has a compression that is not known'],
    ['compression by zstd that is not marked', (file) => file.writeUInt8(1, 104), 'has a compression that is not known'],
    ['the name of a data file', (file) => file.writeUInt32BE(0x4441_5441, 112), 'names another file for its data'],
    ['a header for encryption', (file) => file.writeUInt32BE(0x0537_be77, 112), 'has a header for encryption'],
    ['an extension without an end', (file) => file.writeUInt32BE(0xffff_ff00, 116), 'has header extensions without an end'],
    ['a header longer than a cluster', (file) => file.writeUInt32BE(65_544, 100), 'has a header length that cannot be'],
    ['a header of 105 bytes', (file) => file.writeUInt32BE(105, 100), 'has a header length that cannot be'],
    [
      'a refcount table behind its end',
      (file) => file.writeBigUInt64BE(1n << 40n, 48),
      'is truncated: its refcount table lies outside of the file',
    ],
  ])('with %s is refused', ([, change, reason]) => {
    const file = made('qcow2');
    change(file);
    expect(refusal('qcow2', file)).toBe(`the qcow2 image ${reason}`);
  });

  test.for([
    [4, 'is truncated: it ends within its header'],
    [71, 'is truncated: it ends within its header'],
    [103, 'is truncated: it ends within its header'],
    [4096, 'is truncated: its L1 table lies outside of the file'],
  ] as const)('of which %i bytes are left is refused', ([length, reason]) => {
    expect(refusal('qcow2', made('qcow2').subarray(0, length))).toBe(`the qcow2 image ${reason}`);
  });

  test('is not what another format is called', () => {
    expect(refusal('qcow2', Buffer.alloc(MIB))).toBe('the file is not qcow2');
    expect(refusal('qcow2', made('vdi'))).toBe('the file is a VDI image, not qcow2');
    expect(refusal('qcow2', Buffer.alloc(0))).toBe('the file is empty');
  });
});

describe('a raw image', () => {
  test('is as large as its file', () => {
    expect(read('raw', made('raw'))).toStrictEqual({ virtualSizeBytes: 8 * MIB, refusal: null });
  });

  test('may be a disk with a partition table', () => {
    expect(refusal('raw', withBytes(510, '\x55\xaa'))).toBeNull();
  });

  test.for([
    ['qcow2', [], 'a qcow2 image'],
    ['qed', [], 'a QED image'],
    ['vmdk', [], 'a VMDK image'],
    ['vmdk', ['-o', 'subformat=monolithicFlat'], 'a VMDK descriptor'],
    ['vpc', [], 'a VHD image'],
    ['vhdx', [], 'a VHDX image'],
    ['vpc', ['-o', 'subformat=fixed,force_size'], 'a VHD image'],
    ['vdi', [], 'a VDI image'],
    ['parallels', [], 'a Parallels image'],
  ] as const)('that QEMU made as %s %j is refused', ([format, options, what]) => {
    expect(refusal('raw', made(format, options))).toBe(`the file is ${what}, not raw`);
  });

  test.for([
    [0, 'LUKS\xba\xbe', 'a LUKS volume'],
    [0, 'COWD', 'a VMDK image of ESX'],
    [0, '\xbe\xba\xfe\xca\0\0\0\0', 'a sparse VMDK image of ESX'],
    [0, 'WithouFreSpacExt', 'a Parallels image'],
    [0, '#!/bin/sh\n#V2.0 Format\nmodprobe cloop', 'a cloop image'],
    [-512, 'koly', 'an Apple disk image'],
    [0x8001, 'BEA01', 'a UDF image'],
    [0, 'Bochs Virtual HD Image', 'a Bochs image'],
    [0x8001, 'CD001', 'an ISO 9660 image'],
  ] as const)('with the bytes of another format at %i is refused', ([offset, bytes, what]) => {
    expect(refusal('raw', withBytes(offset, bytes))).toBe(`the file is ${what}, not raw`);
  });

  test('without a byte is refused', () => {
    expect(refusal('raw', Buffer.alloc(0))).toBe('the file is empty');
  });
});

describe('a file that is two things at once', () => {
  const added = (file: Buffer, offset: number, bytes: string) => {
    file.write(bytes, offset, 'latin1');
    return file;
  };
  test.for<[ImageFormat, Buffer, string]>([
    ['qcow2', added(made('qcow2'), 0x8001, 'CD001'), 'a qcow2 image and an ISO 9660 image'],
    ['iso', added(made('qcow2'), 0x8001, 'CD001'), 'an ISO 9660 image and a qcow2 image'],
    ['iso', added(shop.iso(), 0, '# Disk DescriptorFile\n'), 'an ISO 9660 image and a VMDK descriptor'],
    ['iso', added(shop.iso(), 0, 'KDMV'), 'an ISO 9660 image and a VMDK image'],
    ['iso', added(shop.iso(), 0x40, '\x7f\x10\xda\xbe'), 'an ISO 9660 image and a VDI image'],
    ['vmdk', added(made('vmdk'), 0x8001, 'CD001'), 'a VMDK image and an ISO 9660 image'],
    ['vmdk', Buffer.concat([made('vmdk'), withBytes(0, 'conectix', 512)]), 'a VMDK image and a VHD image'],
    ['aki', added(withBytes(0x202, 'HdrS'), 0, 'QFI\xfb'), 'a Linux bzImage and a qcow2 image'],
    ['ari', added(withBytes(0x8001, 'CD001'), 0, '070701'), 'a cpio archive and an ISO 9660 image'],
  ])('is no %s: it is refused', ([format, file, both]) => {
    expect(refusal(format, file)).toBe(`the file is ${both} at the same time`);
  });
});

describe('a kernel', () => {
  test.for([
    ['a bzImage', 0x202, 'HdrS'],
    ['an ELF file', 0, '\x7fELF'],
    ['an arm64 Image', 56, 'ARM\x64'],
  ] as const)('is %s', ([, offset, bytes]) => {
    expect(read('aki', withBytes(offset, bytes))).toStrictEqual({ virtualSizeBytes: imageHeadBytes, refusal: null });
  });

  test.for([
    ['a RAM disk', withBytes(0, '070701'), 'the file is a cpio archive, not a kernel (bzImage, ELF or arm64 Image)'],
    ['zeros', Buffer.alloc(512), 'the file is not a kernel (bzImage, ELF or arm64 Image)'],
    [
      'a kernel cut before its header',
      withBytes(0x202, 'HdrS').subarray(0, 0x204),
      'the file is not a kernel (bzImage, ELF or arm64 Image)',
    ],
  ] as const)('is not %s', ([, file, reason]) => {
    expect(refusal('aki', file)).toBe(reason);
  });
});

describe('an initial RAM disk', () => {
  test.for(['070701', '070702', '\x1f\x8b', '\x28\xb5\x2f\xfd', '\xfd7zXZ\0', '\x02\x21\x4c\x18', 'BZh'])('may begin with %j', (bytes) => {
    expect(refusal('ari', withBytes(0, bytes))).toBeNull();
  });

  test('is not a disk', () => {
    expect(refusal('ari', made('qcow2'))).toBe(
      'the file is a qcow2 image, not an initial RAM disk (cpio, or one compressed by gzip, zstd, xz, lz4 or bzip2)',
    );
  });
});
