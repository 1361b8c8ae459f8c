import type { Payload, PayloadCodec } from '@temporalio/common';
import { holdsSecret, secretFields } from '../model/secrets.ts';
import { CodecError } from './codec-error.ts';
import type { KeyRing } from './key-ring.ts';
import { opened, sealed } from './seal.ts';
import { encodingOf, sealedWith, whyUnopened } from './sealed.ts';

/**
 * Encrypts the payloads that hold a secret and no others, so that lists, records, results and most histories stay readable for
 * every client; decrypts what is encrypted and leaves the rest alone. The keys are read when the first such payload comes.
 */
export function payloadCodec(keys: () => Promise<KeyRing>): PayloadCodec {
  return {
    encode: async (payloads, context) => {
      if (!payloads.some(isSecret)) return payloads;
      const { current } = await keys();
      if (current !== null) return payloads.map((payload) => (isSecret(payload) ? sealed(payload, current) : payload));
      // A step's input came from a request that lies in the history in the clear already: `accept` has to see it to refuse it.
      if (context?.type === 'activity') return payloads;
      throw new CodecError(
        `${secretFields.join(', ')} are sent encrypted only: name a key file by codec.keyFile (NOVAFLOW_CODEC_KEY_FILE)`,
      );
    },

    decode: async (payloads, context) => {
      if (!payloads.some((payload) => sealedWith(payload) !== null)) return payloads;
      const ring = await keys();
      // A request that nobody can read is refused by name; the converter makes its stand-in. Anything else waits for its key.
      return payloads.map((payload) => opened(payload, ring) ?? (context?.type === 'workflow' ? payload : unopened(payload)));
    },
  };
}

/** Whether a payload may not leave this process as it is. */
export function isSecret(payload: Payload): boolean {
  if (encodingOf(payload) !== 'json/plain' || !payload.data) return false;
  const { buffer, byteOffset, byteLength } = payload.data;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  if (!quotedFields.some((field) => bytes.includes(field))) return false;
  try {
    return holdsSecret(JSON.parse(bytes.toString('utf8')));
  } catch {
    return true; // Not JSON whatever it says, and it names a secret.
  }
}

const quotedFields = secretFields.map((field) => JSON.stringify(field));

function unopened(payload: Payload): never {
  throw new CodecError(whyUnopened(sealedWith(payload) ?? ''));
}
