import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { KeyRing } from './key-ring.ts';
import { sealedMetadata, sealedWith } from './sealed.ts';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;
const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** The payload encrypted, its metadata included: nonce, ciphertext and tag, as Temporal's samples lay them out. */
export function sealed(payload: Payload, { id, key }: NonNullable<KeyRing['current']>): Payload {
  const nonce = randomBytes(nonceBytes);
  const encryption = createCipheriv(cipher, key, nonce);
  const data = Buffer.concat([
    nonce,
    encryption.update(PayloadMessage.encode(payload).finish()),
    encryption.final(),
    encryption.getAuthTag(),
  ]);
  return { metadata: sealedMetadata(id), data };
}

/** What was encrypted; null when its key is not there or does not open it. A payload that is not encrypted is returned as it is. */
export function opened(payload: Payload, { byId }: KeyRing): Payload | null {
  const keyId = sealedWith(payload);
  if (keyId === null) return payload;
  const key = byId.get(keyId);
  const data = payload.data ?? new Uint8Array();
  if (key === undefined || data.length < nonceBytes + tagBytes) return null;
  try {
    const decryption = createDecipheriv(cipher, key, data.subarray(0, nonceBytes));
    decryption.setAuthTag(data.subarray(-tagBytes));
    return PayloadMessage.decode(Buffer.concat([decryption.update(data.subarray(nonceBytes, -tagBytes)), decryption.final()]));
  } catch {
    return null; // Of another key of this id, or changed: there is nothing to tell them apart by.
  }
}
