import { z } from 'zod';
import { stateReports } from '../model/notification.ts';
import { flag, must, name, objectOf, oneOf, textOf, wholeNumber } from '../schema/fields.ts';

const day = 86_400;

const path = textOf(/^\/[^\0]*$/, 'an absolute path');
const url = z
  .url({ protocol: /^https?$/, ...must('an http: or https: URL') })
  .refine((text) => new URL(text).username === '' && new URL(text).password === '', 'must not have a password in it: it is logged');
const secret = textOf(/^(whsec_)?[A-Za-z0-9+/]{32,255}={0,2}$/, 'at least 24 bytes in base64, with or without whsec_ before them');

/** Who is told what happens to instances, and how much. */
export const notifications = objectOf({
  notifyOnStateChange: oneOf(stateReports)
    .default('none')
    .describe('Which changes of the states of an instance are reported as `compute.instance.update`; its actions always are.'),
  log: flag.default(false).describe("Whether notifications are written to the control workers' log, at the level `info`."),
  webhook: objectOf({
    url: url.nullable().default(null).describe('Where notifications are posted.'),
    secret: secret
      .nullable()
      .default(null)
      .meta({ secret: true })
      .describe('What they are signed with, as Standard Webhooks has it: at least 24 bytes in base64. A URL needs one.'),
    timeoutSeconds: wholeNumber(1, 60).default(10).describe('How long an answer is waited for.'),
  }),
  nats: objectOf({
    servers: z
      .array(name, must('a list of servers'))
      .default([])
      .describe('NATS servers, `host:port` each; a JetStream stream has to take the subjects below `notifications.nats.subject`.'),
    subject: textOf(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, 'a subject without wildcards')
      .default('novaflow')
      .describe('Notifications are published to `<subject>.<instance id>.<event>`.'),
    credentialsFile: path.nullable().default(null).describe('A NATS credentials file.'),
  }),
  giveUpAfterSeconds: wholeNumber(1, 30 * day)
    .default(day)
    .describe('How old a notification may be to be tried again; the record of a deleted instance ends when all are sent or given up.'),
}).refine(({ webhook }) => webhook.url === null || webhook.secret !== null, {
  path: ['webhook', 'secret'],
  error: 'is required with notifications.webhook.url: receivers have to know who sent it',
});
