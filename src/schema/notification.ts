import { z } from 'zod';
import { powerStates, taskStates, vmStates } from '../model/instance.ts';
import type { NotificationData } from '../notifications/event.ts';
import { describes } from './describes.ts';
import { count, id, ipv4, mac, time } from './values.ts';

const states = { vmState: z.enum(vmStates), taskState: z.enum(taskStates).nullable() };

const flavor = z.strictObject({ name: z.string(), vcpus: count, memoryMiB: count, rootGiB: count, ephemeralGiB: count, swapMiB: count });

const instance = z.strictObject({
  id,
  name: z.string(),
  projectId: z.string(),
  userId: z.string().describe('Whose it is; who asked for what is told is in operation.'),
  ...states,
  powerState: z.enum(powerStates),
  host: z.string().nullable(),
  availabilityZone: z.string().nullable(),
  image: id.nullable(),
  generation: count,
  createdAt: time,
  launchedAt: time.nullable(),
  deletedAt: time.nullable(),
  flavor,
  ports: z.array(z.strictObject({ network: z.string(), mac, ip: ipv4 })),
});

const operation = z.strictObject({
  workflowId: z.string(),
  runId: z.string(),
  type: z.string().describe('The workflow type.'),
  userId: z.string(),
  requestId: z.string().nullable(),
  startedAt: time,
});

const data = describes<NotificationData>()(
  z.strictObject({
    sequence: z
      .int()
      .min(1)
      .describe('Grows by one with each notification of an instance; one that is not above the last that was seen came again.'),
    operation: operation.nullable().describe('What is told of, or what the states changed in.'),
    instance: instance.describe('As it was when this was told.'),
    old: z
      .strictObject({ vmState: states.vmState.nullable(), taskState: states.taskState })
      .nullable()
      .describe('Of an update: the states before.'),
    failure: z.strictObject({ type: z.string(), message: z.string() }).nullable().describe('Of an error: why.'),
    merged: count.describe('Of an update: how many earlier ones it stands for, which were not sent in time.'),
  }),
);

/** A notification as receivers get it: a CloudEvent 1.0 in its JSON format. */
export const notification = z.strictObject({
  specversion: z.literal('1.0'),
  id: z.string().describe("The instance's id and the sequence number: the same whenever it is sent."),
  source: z.string().describe("/novaflow/ and Temporal's namespace."),
  type: z
    .string()
    .regex(/^compute\.instance\./)
    .describe('The name of the event.'),
  subject: z.string().describe("The id of the instance's record."),
  time: time.describe('When it happened.'),
  datacontenttype: z.literal('application/json'),
  sequence: z
    .string()
    .regex(/^\d{10}$/)
    .describe('The sequence number in ten digits, which sort as it does.'),
  partitionkey: id.describe("The instance's id: notifications of one instance are in order."),
  data,
});
