import { z } from 'zod';
import { type ActionEvents, actionEvents, stagesOfResize, updateEvent } from '../src/model/action-events.ts';
import type { Notification } from '../src/model/notification.ts';
import { manyWaiting, mostWaiting } from '../src/model/outbox.ts';
import { cloudEventOf } from '../src/notifications/event.ts';
import { notification as schema } from '../src/schema/notification.ts';
import { markdownTable } from './markdown-table.ts';
import { writeOrCheck } from './write-or-check.ts';

/** The files of `docs/notifications/` by name, made from the code. */
export function notificationFiles(): ReadonlyMap<string, string> {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'output' });
  return new Map([
    ['notification.schema.json', json({ $schema, title: 'A notification: a CloudEvent 1.0.', ...rest })],
    [
      'examples.jsonl',
      examples()
        .map((event) => `${JSON.stringify(event)}\n`)
        .join(''),
    ],
    ['README.md', manual()],
  ]);
}

/** An example of each event. */
export function examples(): readonly object[] {
  const actions = actionsOfInstances().flatMap(([type]) => [exampleOf(type, 'start'), exampleOf(type, 'end'), exampleOf(type, 'error')]);
  const confirmed = { ...sample, operation: { ...operation, type: 'resizeInstance', part: 2 } };
  const reverted = { ...confirmed, operation: { ...confirmed.operation, firstTaskState: 'resize_reverting' } };
  const halves = [confirmed, reverted].flatMap((half) =>
    (['start', 'end', 'error'] as const).map((phase) => ({ ...half, ...parts(phase), phase })),
  );
  const stages = stagesWithin.map(([stage, phase]) => ({
    ...confirmed,
    phase,
    operation: { ...operation, type: 'resizeInstance', stage },
  }));
  return [update, ...actions, ...stages, ...halves].map((one) => asReceived(one));
}

/** What is told of a resize between its start and its end. */
const stagesWithin = [
  [stagesOfResize.resize_prep, 'end'],
  [stagesOfResize.resize_migrating, 'start'],
  [stagesOfResize.resize_migrating, 'end'],
  [stagesOfResize.resize_finish, 'start'],
] as const;

function asReceived(one: Notification): object {
  return JSON.parse(cloudEventOf(one, '/novaflow/default').toString()) as object;
}

const operation: NonNullable<Notification['operation']> = {
  workflowId: 'build/web1/3f9a01c2',
  runId: '0199a1b2-6c6e-7d57-9a59-0a1f2c3d4e5f',
  type: 'buildInstance',
  part: 1,
  firstTaskState: 'scheduling',
  userId: 'ada',
  requestId: 'req-1f0c',
  startedAt: '2026-11-20T10:00:01.000Z',
};

/** A notification of a build that has ended well. */
export const sample: Notification = {
  sequence: 8,
  at: '2026-11-20T10:00:09.120Z',
  phase: 'end',
  operation,
  instance: {
    id: '0196f3b0-7c6e-4d57-9a59-0a1f2c3d4e5f',
    name: 'web1',
    projectId: 'engine',
    userId: 'ada',
    vmState: 'active',
    taskState: null,
    powerState: 'running',
    host: 'cn1',
    availabilityZone: null,
    image: '0196f3a1-0d2b-4c11-8a55-3b1c9d7e2f40',
    generation: 1,
    createdAt: '2026-11-20T10:00:01.000Z',
    launchedAt: '2026-11-20T10:00:09.000Z',
    deletedAt: null,
    flavor: { name: 'm1.small', vcpus: 1, memoryMiB: 2048, rootGiB: 20, ephemeralGiB: 0, swapMiB: 0 },
    ports: [{ network: 'default', mac: 'fa:16:3e:0a:0b:0c', ip: '10.0.0.10' }],
  },
  old: null,
  failure: null,
  merged: 0,
};

const update: Notification = {
  ...sample,
  phase: 'update',
  sequence: 7,
  old: { vmState: 'building', taskState: 'spawning' },
};

function exampleOf(type: string, phase: 'start' | 'end' | 'error'): Notification {
  return { ...sample, ...parts(phase), phase, operation: { ...operation, type } };
}

function parts(phase: 'start' | 'end' | 'error'): Partial<Notification> {
  if (phase === 'start') return { sequence: 1 };
  return phase === 'end' ? {} : { failure: { type: 'OperationFailed', message: 'startPaused: the host has no memory left' } };
}

function actionsOfInstances(): [string, ActionEvents][] {
  return Object.entries(actionEvents).flatMap(([type, events]): [string, ActionEvents][] => (events === null ? [] : [[type, events]]));
}

function manual(): string {
  const rows = actionsOfInstances().map(([type, { start, end, error, areNovas }]) => [
    `\`${type}\``,
    `\`${start}\``,
    `\`${end}\``,
    `\`${error}\``,
    areNovas ? 'yes' : 'no',
  ]);
  return `# Notifications

Made from the code by \`node docs/notifications.ts\`; a change here is a change of the public API.

What happens to an instance is told to whoever is configured: a log, a webhook, NATS JetStream. Each notification is a CloudEvent 1.0 in its JSON
format ([schema](notification.schema.json), [an example of each event](examples.jsonl)), with Nova's names of events:

- the start of every action on an instance, and its end or its error: a failure, a cancel, a termination;
- \`${updateEvent}\` at each saved change of states, as \`notifications.notifyOnStateChange\` says: \`vm_state\`, \`vm_and_task_state\`, or \`none\`. With
  \`vm_and_task_state\` a build tells six: scheduling, none, networking, block_device_mapping, spawning, active.

${markdownTable(['operation', 'start', 'end', 'error', "start and end are Nova's"], rows)}

A resize and a cold migration are told in the three stages of Nova: \`compute.instance.resize.prep\` until the guest is touched, \`compute.instance.resize\` until
its disks are at the destination, \`compute.instance.finish_resize\` until it is resized; each with \`.start\` and \`.end\`. An error ends the stage that it comes in, too.

The second half of a resize is told as \`compute.instance.resize.confirm\` or \`compute.instance.resize.revert\`, with \`.start\`, \`.end\` and \`.error\`. Nova
has no error event for most of these actions; here each has one. Operations still to come are in the table already.

\`\`\`json
${JSON.stringify(asReceived(update), null, 2)}
\`\`\`

There is nothing in it that a tenant may keep secrets in: no metadata, keys, user data or passwords. A failure's message is what the record says.

## What is promised

- **At least once.** The record of the instance keeps what is to be told until every sink has it, whatever is killed or restarted. What came
  again has the same \`id\`, and a \`sequence\` that is not above the last one seen: drop it.
- **In order for an instance**, by \`sequence\`, which grows by one. Nothing is said of the order between instances.
- **No operation waits.** Notifications are sent from a task queue of their own, one at a time for an instance and a sink; a sink that is away holds up neither
  operations nor other sinks. Tries back off from one second to thirty.
- **The record of a deleted instance ends when all is told** or given up; until then lists that ask for open records show it, in the state \`deleted\`.
- **Bounds.** While a sink is away an instance keeps ${manyWaiting} notifications. From then on the oldest updates become part of the next one, which says so
  (\`merged\`) and has in \`old\` what was before the first of them; starts, ends and errors are kept. From ${mostWaiting} on the oldest are dropped: a gap in
  \`sequence\` that \`merged\` does not explain, and an error in the control worker's log. What is older than \`notifications.giveUpAfterSeconds\` is not tried
  again once a try failed, and the log says so.
- When nothing is configured, nothing is kept or sent. Control workers have to agree in their configuration: a message from one that tells nobody is not told.

## The log

\`notifications.log: true\`: a line of the control worker's log at the level \`info\`, with the event in \`event\`.

## A webhook

\`\`\`yaml
notifications:
  notifyOnStateChange: vm_and_task_state
  webhook:
    url: https://billing.example.org/novaflow
    secret: whsec_bm90IGEgc2VjcmV0LCBtYWtlIHlvdXIgb3duIQ==   # openssl rand -base64 32
\`\`\`

Each event is a POST of \`application/cloudevents+json\`; any answer but 2xx is tried again, a redirection too. It is signed as
[Standard Webhooks](https://www.standardwebhooks.com) has it, which has libraries for most languages: \`webhook-id\`, \`webhook-timestamp\` (seconds, when it was sent)
and \`webhook-signature\`, \`v1,\` and the base64 of HMAC-SHA256 with the secret over \`<id>.<timestamp>.<body>\`. Refuse an old timestamp as a replay.

## NATS JetStream

\`\`\`yaml
notifications:
  nats:
    servers: [nats1.example.org:4222, nats2.example.org:4222]
    subject: novaflow
\`\`\`

Each event is published to \`<subject>.<instance id>.<event>\` and counts as sent when a stream has stored it. The stream is yours to make, since what it keeps is yours to
say: \`nats stream add novaflow --subjects 'novaflow.>'\`. The message id is the event's, so that what comes again within the stream's duplicate window is stored once.
\`novaflow.*.compute.instance.create.>\` is every build.
`;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

if (import.meta.main) await writeOrCheck({ directory: new URL('notifications/', import.meta.url), files: notificationFiles() });
