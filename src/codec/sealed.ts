import type { Payload } from '@temporalio/common';

/** The encoding of an encrypted payload, and where it names its key; both as in Temporal's own samples in every language. */
export const sealedEncoding = 'binary/encrypted';
export const keyIdField = 'encryption-key-id';

const utf8 = { encode: (text: string) => new TextEncoder().encode(text), decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes) };

/** The metadata of a payload that this key encrypted. */
export function sealedMetadata(keyId: string): Record<string, Uint8Array> {
  return { encoding: utf8.encode(sealedEncoding), [keyIdField]: utf8.encode(keyId) };
}

/** How a payload is encoded: `json/plain`, say; empty when it does not say. */
export function encodingOf({ metadata }: Payload): string {
  const encoding = metadata?.['encoding'];
  return encoding === undefined || encoding === null ? '' : utf8.decode(encoding);
}

/** The id of the key that a payload is encrypted with, or null when it is not encrypted. */
export function sealedWith(payload: Payload): string | null {
  if (encodingOf(payload) !== sealedEncoding) return null;
  const id = payload.metadata?.[keyIdField];
  return id === undefined || id === null ? '' : utf8.decode(id);
}

/** Completes "could not be decoded: …". */
export function whyUnopened(keyId: string): string {
  return `it is encrypted with key ${JSON.stringify(keyId)}, which this process does not have, or which does not open it`;
}
