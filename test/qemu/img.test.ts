import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { convertArgs, createDiskArgs, createOverlayArgs, growArgs, infoArgs, parseInfo, type QemuFormat } from '../../src/qemu/img.ts';

// A blank and a comma: what a shell or QEMU's option parser would split.
const directory = mkdtempSync(join(tmpdir(), 'novaflow img, '));
afterAll(() => rmSync(directory, { recursive: true }));

const MIB = 1024 ** 2;
const at = (name: string) => join(directory, name);

function qemuImg(args: readonly string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8' });
}

function inspect(name: string, format: QemuFormat) {
  return parseInfo(qemuImg(infoArgs({ path: at(name), format })));
}

describe('qemu-img itself', () => {
  test('makes a disk of its own', () => {
    qemuImg(createDiskArgs({ format: 'raw', path: at('blank'), sizeBytes: 3 * MIB }));
    expect(inspect('blank', 'raw')).toStrictEqual({
      format: 'raw',
      virtualSizeBytes: 3 * MIB,
      allocatedBytes: expect.any(Number),
      backing: null,
    });
  });

  test('makes an overlay that names its base and the base’s format', () => {
    qemuImg(createDiskArgs({ format: 'raw', path: at('base'), sizeBytes: MIB }));
    qemuImg(createOverlayArgs({ base: at('base'), baseFormat: 'raw', path: at('overlay'), sizeBytes: 4 * MIB }));
    expect(inspect('overlay', 'qcow2')).toMatchObject({
      format: 'qcow2',
      virtualSizeBytes: 4 * MIB,
      backing: { path: at('base'), format: 'raw' },
    });
  });

  test('makes an overlay as large as its base when no size is given', () => {
    qemuImg(createDiskArgs({ format: 'qcow2', path: at('base2'), sizeBytes: 2 * MIB }));
    qemuImg(createOverlayArgs({ base: at('base2'), baseFormat: 'qcow2', path: at('overlay2'), sizeBytes: null }));
    expect(inspect('overlay2', 'qcow2').virtualSizeBytes).toBe(2 * MIB);
  });

  test('converts an overlay into a file without a base', () => {
    qemuImg(createDiskArgs({ format: 'raw', path: at('base3'), sizeBytes: MIB }));
    qemuImg(createOverlayArgs({ base: at('base3'), baseFormat: 'raw', path: at('overlay3'), sizeBytes: null }));
    qemuImg(convertArgs({ from: at('overlay3'), fromFormat: 'qcow2', to: at('flat'), toFormat: 'qcow2', cache: 'writeback' }));
    expect(inspect('flat', 'qcow2')).toMatchObject({ virtualSizeBytes: MIB, backing: null });
  });

  test('grows a disk', () => {
    qemuImg(createDiskArgs({ format: 'qcow2', path: at('small'), sizeBytes: MIB }));
    qemuImg(growArgs({ path: at('small'), format: 'qcow2', sizeBytes: 5 * MIB }));
    expect(inspect('small', 'qcow2').virtualSizeBytes).toBe(5 * MIB);
  });
});

test('every command names the format and parts its options from the paths', () => {
  expect(createDiskArgs({ format: 'raw', path: '/a', sizeBytes: 1 })).toStrictEqual(['create', '-q', '-f', 'raw', '--', '/a', '1']);
  expect(createOverlayArgs({ base: '/b', baseFormat: 'raw', path: '/a', sizeBytes: null })).toStrictEqual([
    'create',
    '-q',
    '-f',
    'qcow2',
    '-F',
    'raw',
    '-b',
    '/b',
    '--',
    '/a',
  ]);
  expect(infoArgs({ path: '/a', format: 'qcow2' })).toStrictEqual(['info', '-U', '-f', 'qcow2', '--output=json', '--', '/a']);
});

test.for(['disk', '-o', 'nbd://elsewhere/', 'json:{"driver":"file"}', ''])('the path %j, which is not absolute, is refused', (path) => {
  expect(() => infoArgs({ path, format: 'raw' })).toThrow('absolute');
});

test.for([0, -1, 1.5, Number.NaN, 2 ** 60])('a disk of %d bytes is refused', (sizeBytes) => {
  expect(() => createDiskArgs({ format: 'raw', path: '/a', sizeBytes })).toThrow('whole number of bytes');
});

test.for(['', 'qemu-img: Could not open', '{}', '{"format":"raw","virtual-size":"1"}'])(
  'the output %j is not taken for information',
  (output) => {
    expect(() => parseInfo(output)).toThrow();
  },
);
