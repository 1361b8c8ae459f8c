import { createSecretKey, type KeyObject } from 'node:crypto';
import { CodecError } from './codec-error.ts';
import { readSecretFile } from './secret-file.ts';

/** The keys of a deployment: one encrypts, all decrypt. */
export interface KeyRing {
  /** Null: nothing can be encrypted. */
  readonly current: { readonly id: string; readonly key: KeyObject } | null;
  readonly byId: ReadonlyMap<string, KeyObject>;
}

/** The keys of a process that was given none. */
export const noKeys: KeyRing = { current: null, byId: new Map() };

/** An id, which payloads carry in the clear, and the 32 bytes of an AES-256 key. */
const line = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})\s+([A-Za-z0-9+/]{43}=)$/;

/**
 * Reads a key file: `<id> <32 bytes in base64>` a line, `#` begins a comment, the first key encrypts. Null is no file and no keys.
 * Raises a `CodecError` that names the line, and when anybody but the owner may read the file.
 */
export function readKeyRing(file: string | null): KeyRing {
  if (file === null) return noKeys;
  const keys = keysIn(file, readSecretFile(file));
  const [first] = keys;
  if (first === undefined) throw new CodecError(`${file} has no key: a line "<id> <32 bytes in base64>"`);
  const [id, key] = first;
  return { current: { id, key }, byId: keys };
}

function keysIn(file: string, text: string): ReadonlyMap<string, KeyObject> {
  const keys = new Map<string, KeyObject>();
  for (const [index, written] of text.split('\n').entries()) {
    const content = written.trim();
    if (content === '' || content.startsWith('#')) continue;
    const [, id, base64] = line.exec(content) ?? [];
    if (id === undefined || base64 === undefined) throw new CodecError(`${file}:${index + 1} must be "<id> <32 bytes in base64>"`);
    if (keys.has(id)) throw new CodecError(`${file}:${index + 1} has the id of an earlier key`);
    keys.set(id, createSecretKey(base64, 'base64'));
  }
  return keys;
}
