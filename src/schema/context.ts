import { z } from 'zod';
import type { RequestContext } from '../context.ts';
import { describes } from './describes.ts';
import { flag, must, name } from './fields.ts';

const maxRoles = 64;

/** The context of a request, as the Temporal header `novaflow-context` holds it: one JSON payload. */
export const context = describes<RequestContext>()(
  z.object({
    userId: name.describe('Who asks.'),
    projectId: name.describe('Whose the instance is that a build makes; those of other projects are not there.'),
    roles: z.array(name, must('a list of names')).max(maxRoles, `must have at most ${maxRoles} roles`),
    requestId: name.describe("The client's own name of the request: it is in logs, notifications and the record."),
    isAdmin: flag.describe('Whether hosts, networks and all projects are theirs.'),
  }),
);
