import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type CloudEvent, HTTP } from 'cloudevents';
import { Webhook } from 'standardwebhooks';
import type { NotificationData } from '../../src/notifications/event.ts';

/** What a receiver does with the next event: takes it, answers so, answers never, or breaks the connection before or after it took it. */
export type Behaviour = 'take' | 'hang' | 'break' | 'take and break' | number;

export type Received = CloudEvent<NotificationData>;

/** A receiver of webhooks that refuses what is not signed as it should. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly secret: string;
  /** What it took, in order; what was sent again is there again. */
  readonly events: readonly Received[];
  /** How it treats the next events, one after another; later ones it takes. */
  readonly willDo: (...next: readonly Behaviour[]) => void;
  /** How it treats all events, until it is told otherwise. */
  readonly always: (behaviour: Behaviour) => void;
}

/** Starts one on a free port of this machine. */
export async function startReceiver(): Promise<Receiver> {
  const secret = `whsec_${Buffer.from('a secret of at least 24 bytes').toString('base64')}`;
  const events: Received[] = [];
  const next: Behaviour[] = [];
  let otherwise: Behaviour = 'take';
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/events`,
    secret,
    events,
    willDo: (...behaviours) => next.push(...behaviours),
    always: (behaviour) => {
      otherwise = behaviour;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const behaviour = next.shift() ?? otherwise;
    if (behaviour === 'take' || behaviour === 'take and break') {
      new Webhook(secret).verify(body, request.headers as Record<string, string>);
      events.push(HTTP.toEvent<NotificationData>({ headers: request.headers, body }) as Received);
    }
    if (behaviour === 'break' || behaviour === 'take and break') request.socket.destroy();
    else if (behaviour !== 'hang') response.writeHead(behaviour === 'take' ? 204 : behaviour).end();
  }
}

/** The settings of a worker that notifies this receiver. */
export function settingsFor({ url, secret }: Receiver): Record<string, string> {
  return {
    'notifications.notifyOnStateChange': 'vm_and_task_state',
    'notifications.webhook.url': url,
    'notifications.webhook.secret': secret,
  };
}

/** Events without those that came before: what a receiver keeps that drops duplicates by number. */
export function firstOfEach(events: readonly Received[]): readonly Received[] {
  const highest = new Map<string, number>();
  return events.filter(({ data }) => {
    if (data === undefined || data.sequence <= (highest.get(data.instance.id) ?? 0)) return false;
    highest.set(data.instance.id, data.sequence);
    return true;
  });
}
