import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { CodecError } from '../../src/codec/codec-error.ts';
import { noKeys, readKeyRing } from '../../src/codec/key-ring.ts';
import { keyLine, writeKeys } from './keys.ts';

const directory = mkdtempSync(join(tmpdir(), 'novaflow-keys-'));
afterAll(() => rmSync(directory, { recursive: true }));
const file = join(directory, 'keys');

test('the first key of a file encrypts, and all of them decrypt', () => {
  const { current, byId } = readKeyRing(writeKeys(file, '# rotated in May\n', '\n', keyLine('2026-05'), keyLine('2025-11')));
  expect(current?.id).toBe('2026-05');
  expect([...byId.keys()]).toEqual(['2026-05', '2025-11']);
});

test('without a file there are no keys', () => {
  expect(readKeyRing(null)).toBe(noKeys);
});

test.for([0o640, 0o604, 0o660])('a key file of mode %o is refused, with the way out', (mode) => {
  writeKeys(file, keyLine('k1'));
  chmodSync(file, mode);
  expect(() => readKeyRing(file)).toThrow(`${file} is open to others than its owner (mode 0${mode.toString(8)}): chmod 600 ${file}`);
  chmodSync(file, 0o600);
});

test.for([
  ['that is empty', ['# nothing\n'], 'has no key'],
  ['with a key that is too short', [keyLine('k1'), 'k2 c2hvcnQ=\n'], ':2 must be "<id> <32 bytes in base64>"'],
  ['with a key and no id', [keyLine('k1').slice(3)], ':1 must be "<id> <32 bytes in base64>"'],
  ['with an id twice', [keyLine('k1'), keyLine('k1')], ':2 has the id of an earlier key'],
] as const)('a key file %s is refused', ([, lines, message]) => {
  expect(() => readKeyRing(writeKeys(file, ...lines))).toThrow(message);
});

test('a refusal repeats nothing of a key', () => {
  const unfit = keyLine('k1').slice(0, -3);
  expect(() => readKeyRing(writeKeys(file, unfit))).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining(unfit.slice(3)) }),
  );
});

test('a key file that is not there is named', () => {
  expect(() => readKeyRing(join(directory, 'absent'))).toThrow(CodecError);
  expect(() => readKeyRing(join(directory, 'absent'))).toThrow(/a file with secrets cannot be read: .*absent/);
});
