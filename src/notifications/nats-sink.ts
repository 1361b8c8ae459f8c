import { readFile } from 'node:fs/promises';
import { jetstream } from '@nats-io/jetstream';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { HTTP } from 'cloudevents';
import type { Sink } from './sink.ts';

/** Which servers, and below which subject. */
export interface NatsOptions {
  readonly servers: readonly string[];
  readonly subject: string;
  readonly credentialsFile: string | null;
}

const answerWithinMs = 5_000;

/**
 * Publishes each event to JetStream, to `<subject>.<instance id>.<event>`, and waits until a stream has stored it. The event's
 * id is the message's, so that the stream drops what it has already within its duplicate window. No stream that takes the
 * subject is a failure: how long one keeps what is its operator's to say.
 */
export async function natsSink({ servers, subject, credentialsFile }: NatsOptions): Promise<Sink> {
  const connection = await connect({
    name: 'novaflow',
    servers: [...servers],
    timeout: answerWithinMs,
    reconnect: false, // whoever tries again opens it anew, and waits for no publication of the connection before
    ...(credentialsFile === null ? {} : { authenticator: credsAuthenticator(await readFile(credentialsFile)) }),
  });
  const stream = jetstream(connection, { timeout: answerWithinMs });
  return {
    send: async (event) => {
      const { body } = HTTP.structured(event);
      await stream.publish(`${subject}.${event['partitionkey']}.${event.type}`, String(body), { msgID: event.id });
    },
    isOver: () => connection.isClosed(),
    close: () => connection.close(),
  };
}
