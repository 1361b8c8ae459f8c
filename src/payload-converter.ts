import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';
import { sealedWith, whyUnopened } from './codec/sealed.ts';
import { undecodable } from './schema/undecodable.ts';

/**
 * The default converter, but one that decodes everything: an argument of an encoding nobody knows would fail the workflow task
 * for ever. It becomes a stand-in, which the operation's `accept` refuses by name.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload: <T>(payload: Payload): T => {
    const keyId = sealedWith(payload);
    if (keyId !== null) return undecodable(whyUnopened(keyId)) as T;
    try {
      return defaultPayloadConverter.fromPayload<T>(payload);
    } catch (error) {
      return undecodable(error instanceof Error ? error.message : String(error)) as T;
    }
  },
};
