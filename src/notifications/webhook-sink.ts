import { createHmac } from 'node:crypto';
import { HTTP } from 'cloudevents';
import type { Sink } from './sink.ts';

/** Where events are posted, what they are signed with, and how long an answer is waited for. */
export interface WebhookOptions {
  readonly url: string;
  readonly secret: string;
  readonly timeoutSeconds: number;
}

/**
 * Posts each event as a structured CloudEvent, signed and time-stamped as Standard Webhooks has it: HMAC-SHA256 with the secret
 * over id, time and body. Any answer but 2xx is a failure, a redirection too: what is signed goes nowhere else.
 */
export function webhookSink({ url, secret, timeoutSeconds }: WebhookOptions): Sink {
  return {
    send: async (event, signal) => {
      const { headers, body } = HTTP.structured(event);
      const text = String(body);
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...(headers as Record<string, string>), ...signature(secret, event.id, text) },
        body: text,
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`${new URL(url).host} answered ${response.status}`);
    },
  };
}

const prefix = 'whsec_';

/** The headers by which a receiver knows who sent the body, and when: it refuses an old one as a replay. */
export function signature(secret: string, id: string, body: string, nowMs: number = Date.now()): Record<string, string> {
  const timestamp = `${Math.floor(nowMs / 1000)}`;
  const key = Buffer.from(secret.startsWith(prefix) ? secret.slice(prefix.length) : secret, 'base64');
  const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${hmac}` };
}
