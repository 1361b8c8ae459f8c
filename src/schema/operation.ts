import { z } from 'zod';
import type { OperationView, Parked } from '../model/operation.ts';
import { describes } from './describes.ts';
import { id, time } from './values.ts';

const parked = describes<Parked>()(
  z.strictObject({
    number: z.int().min(1),
    step: z.string(),
    host: z.string().nullable(),
    attention: z.enum(['StepFailed', 'HostSilent', 'UndoFailed', 'StateUnknown', 'NeedsDecision']),
    failure: z.strictObject({ type: z.string(), message: z.string() }),
    since: time,
    mayChange: z.array(z.string()).describe('Fields of the request that `input` of the update `retry` may have.'),
  }),
);

/** What the query `operation` of any operation answers. */
export const operation = describes<OperationView>()(
  z.strictObject({
    type: z.string(),
    instanceId: id.nullable(),
    step: z.string().nullable(),
    steps: z.array(
      z.strictObject({
        name: z.string(),
        host: z.string().nullable(),
        state: z.enum(['done', 'running', 'waiting', 'undone']),
        startedAt: time,
        endedAt: time.nullable(),
        note: z.exactOptional(z.string()).describe('What the step decided, and why.'),
      }),
    ),
    parked: parked.nullable(),
  }),
);
