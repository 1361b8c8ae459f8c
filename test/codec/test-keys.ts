import { createHash, createSecretKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyRing } from '../../src/codec/key-ring.ts';
import { writeKeys } from './keys.ts';

// Stored histories are encrypted with it: it stays what it is, and protects nothing.
const key = createHash('sha256').update('the key of the tests of novaflow').digest();

/** The keys of every fleet and of every stored history. */
export const testKeys: KeyRing = { current: { id: 'test', key: createSecretKey(key) }, byId: new Map([['test', createSecretKey(key)]]) };

/** Those keys as a file, which is gone when `[Symbol.dispose]` is called. */
export function testKeyFile(): Disposable & { readonly path: string } {
  const directory = mkdtempSync(join(tmpdir(), 'novaflow-keys-'));
  return {
    path: writeKeys(join(directory, 'keys'), `test ${key.toString('base64')}\n`),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}
