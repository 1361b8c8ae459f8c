import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { EXT_START_BYTES, extFileSystemIn } from '../../src/images/ext-superblock.ts';

const MiB = 1024 ** 2;
const superblock = 1024;

let ext4: Buffer;

/** The beginning of a file system that `mke2fs` makes on a disk of 16 MiB. */
function startOf(args: readonly string[]): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'novaflow-ext-'));
  try {
    const path = join(directory, 'disk');
    writeFileSync(path, '');
    truncateSync(path, 16 * MiB);
    execFileSync('/usr/sbin/mke2fs', ['-q', '-F', ...args, path]);
    return readFileSync(path).subarray(0, EXT_START_BYTES);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

beforeAll(() => {
  ext4 = startOf(['-t', 'ext4']);
});

describe('a file system is found as', () => {
  test.for([['ext2'], ['ext3'], ['ext4'], ['ext4', '-b', '4096'], ['ext4', '-O', '64bit'], ['ext4', '-O', '^64bit,^has_journal']])(
    '%o',
    (args) => {
      expect(extFileSystemIn(startOf(['-t', ...args]))).toStrictEqual({ sizeBytes: 16 * MiB });
    },
  );
});

describe('nothing is found', () => {
  const little = (value: number, bytes: 2 | 4) => {
    const buffer = Buffer.alloc(bytes);
    buffer.writeUIntLE(value, 0, bytes);
    return buffer;
  };

  test.for([
    ['beside the mark of a boot sector', 510, Buffer.from([0x55, 0xaa])],
    ['beside a GPT', 512, Buffer.from('EFI PART')],
    ['beside a GPT of large sectors', 4096, Buffer.from('EFI PART')],
    ['without the magic number', superblock + 0x38, little(0xef54, 2)],
    ['with blocks larger than 64 KiB', superblock + 0x18, little(7, 4)],
    ['with a block size beyond all numbers', superblock + 0x18, little(0xffffffff, 4)],
    ['with a revision of the future', superblock + 0x4c, little(2, 4)],
    ['in a state that does not exist', superblock + 0x3a, little(0x8000, 2)],
    ['without blocks', superblock + 0x4, little(0, 4)],
    ['with more blocks than its inodes have groups for', superblock + 0x4, little(0xfffffff0, 4)],
    ['with more inodes than its groups have', superblock, little(0xffffffff, 4)],
    ['without blocks in a group', superblock + 0x20, little(0, 4)],
    ['with more blocks in a group than a bitmap has bits', superblock + 0x20, little(0xffffffff, 4)],
    ['without inodes in a group', superblock + 0x28, little(0, 4)],
    ['with a first block that does not fit its block size', superblock + 0x14, little(0, 4)],
    ['of a journal of another', superblock + 0x60, little(0x8, 4)],
  ] as const)('%s', ([, offset, bytes]) => {
    const start = Buffer.from(ext4);
    bytes.copy(start, offset);
    expect(extFileSystemIn(ext4)).not.toBeNull();
    expect(extFileSystemIn(start)).toBeNull();
  });

  test.for([0, 1, 1024, 2047])('in %i bytes', (length) => {
    expect(extFileSystemIn(ext4.subarray(0, length))).toBeNull();
  });

  test('in any block of noise that only has the magic number', () => {
    const found = Array.from({ length: 2000 }, (_, seed) => {
      const start = noise(seed);
      start.writeUInt16LE(0xef53, superblock + 0x38);
      return extFileSystemIn(start);
    });
    expect(found.filter((one) => one !== null)).toStrictEqual([]);
  });
});

/** The same 4 KiB for the same seed. */
function noise(seed: number): Buffer {
  const bytes = Buffer.alloc(4096);
  for (let at = 0, state = seed + 1; at < bytes.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
